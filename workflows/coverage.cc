#include "workflows/coverage.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <map>
#include <utility>

namespace rebound {
namespace {

// Of one search, in goals looked at and comparisons tried. A configuration asks about each pair of
// its rules.
constexpr int64_t kMostWork = 500'000;
constexpr int64_t kMostWorkOfPair = 5'000;
// A search costs that much before it has tried anything.
constexpr int64_t kWorkOfSearch = 20;
constexpr size_t kBytesOfWork = 16;  // of prose, which is searched
// A value that no rule names: rules hold no control characters but blanks.
constexpr std::string_view kOther = "\x01";

// What every case has as it opens.
bool IsAlwaysSet(FieldId field) {
  return field == FieldId::kSeverity || field == FieldId::kProgram || field == FieldId::kHistory ||
         field == FieldId::kAnonymous || field == FieldId::kReopenCount;
}

struct Wanted {
  const Comparison* comparison;
  bool holds;
};

bool AllMet(const std::vector<Wanted>& wanted, const FieldValue& value, int64_t* work_left) {
  return std::all_of(wanted.begin(), wanted.end(), [&](const Wanted& w) {
    --*work_left;
    return Matches(*w.comparison, value) == w.holds;
  });
}

// Is there a value of the field that meets all of them? A few are enough to try: those named, their
// neighbours, one that nobody names, and none at all.
bool HasValue(FieldId field, const std::vector<Wanted>& wanted, int64_t* work_left) {
  const auto meets = [&](const FieldValue& value) { return AllMet(wanted, value, work_left); };
  if (!IsAlwaysSet(field) && meets({})) return true;
  const FieldType type = Describe(field).type;
  const auto any_named = [&](const auto& try_value) {
    return std::any_of(wanted.begin(), wanted.end(),
                       [&](const Wanted& w) { return try_value(w.comparison->value); });
  };
  switch (type) {
    case FieldType::kBool: return meets(true) || meets(false);
    case FieldType::kEnum: {
      const auto& values = Describe(field).enum_values;
      return std::any_of(values.begin(), values.end(),
                         [&](std::string_view value) { return meets(value); });
    }
    case FieldType::kInt:
      return meets(int64_t{0}) || any_named([&](const Value& value) {
               const auto* n = std::get_if<int64_t>(&value);
               return n != nullptr &&
                      (meets(*n) || (*n > std::numeric_limits<int64_t>::min() && meets(*n - 1)) ||
                       (*n < std::numeric_limits<int64_t>::max() && meets(*n + 1)));
             });
    case FieldType::kTime:
      return meets(Timestamp{}) || any_named([&](const Value& value) {
               const auto* t = std::get_if<Timestamp>(&value);
               return t != nullptr &&
                      (meets(*t) || meets(*t - Duration{1}) || meets(*t + Duration{1}));
             });
    case FieldType::kText:
    case FieldType::kPath:
    case FieldType::kId:
      return meets(kOther) || any_named([&](const Value& value) {
               const auto* text = std::get_if<std::string>(&value);
               if (text == nullptr) return false;
               const std::string below = *text + '/' + std::string(kOther);
               return meets(std::string_view(*text)) || meets(std::string_view(below));
             });
    case FieldType::kProse: {
      // The least prose that contains what has to be in it.
      std::string prose(kOther);
      for (const Wanted& w : wanted) {
        const auto* text = std::get_if<std::string>(&w.comparison->value);
        if (w.holds && text != nullptr) prose += Folded(*text) + std::string(kOther);
      }
      *work_left -= static_cast<int64_t>(wanted.size() * (prose.size() / kBytesOfWork));
      return meets(std::string_view(prose));
    }
    case FieldType::kTexts: {
      std::vector<std::string> texts = {std::string(kOther)};
      for (const Wanted& w : wanted) {
        const auto* text = std::get_if<std::string>(&w.comparison->value);
        if (w.holds && text != nullptr) texts.push_back(*text);
      }
      *work_left -= static_cast<int64_t>(wanted.size() * texts.size());
      return meets(std::span<const std::string>(texts));
    }
  }
  return true;
}

// Searches for field values under which all `goals` come out as wanted.
class Search {
 public:
  struct Goal {
    const Predicate* predicate;
    bool holds;
  };

  // Takes what it costs out of the budget.
  Search(int64_t most_work, CoverageBudget* budget)
      : budget_(*budget), most_(std::min(most_work, budget->left)), left_(most_) {}
  ~Search() { budget_.left -= most_ - left_ + kWorkOfSearch; }
  Search(const Search&) = delete;
  Search& operator=(const Search&) = delete;

  bool Run(std::vector<Goal> goals) {
    left_ -= static_cast<int64_t>(goals.size()) + 1;
    while (!goals.empty()) {
      if (left_ < 0) return true;
      const Goal goal = goals.back();
      goals.pop_back();
      const Predicate& p = *goal.predicate;
      if (p.kind == Predicate::Kind::kComparison) {
        std::vector<Wanted>& wanted = wanted_[p.comparison.field];
        wanted.push_back({&p.comparison, goal.holds});
        added_.push_back(p.comparison.field);
        if (!HasValue(p.comparison.field, wanted, &left_)) return false;
        continue;
      }
      // All of the children have to come out as `each`, or it is enough that one does.
      const bool each = p.kind == Predicate::Kind::kNone ? !goal.holds : goal.holds;
      const bool together = (p.kind == Predicate::Kind::kAny) != goal.holds;
      if (together) {
        for (const Predicate& child : p.children) goals.push_back({&child, each});
        continue;
      }
      return std::any_of(p.children.begin(), p.children.end(), [&](const Predicate& child) {
        const size_t before = added_.size();
        std::vector<Goal> with = goals;
        with.push_back({&child, each});
        const bool found = Run(std::move(with));
        for (; added_.size() > before; added_.pop_back()) wanted_[added_.back()].pop_back();
        return found;
      });
    }
    return true;
  }

 private:
  CoverageBudget& budget_;
  const int64_t most_;
  int64_t left_;
  std::map<FieldId, std::vector<Wanted>> wanted_{};
  std::vector<FieldId> added_{};
};

// The comparisons that all have to hold; of groups within groups none.
template <typename Visit>
bool AnyCertain(const Predicate& p, const Visit& visit) {
  if (p.kind == Predicate::Kind::kComparison) return visit(p.comparison);
  return p.kind == Predicate::Kind::kAll &&
         std::any_of(p.children.begin(), p.children.end(), [&](const Predicate& child) {
           return child.kind == Predicate::Kind::kComparison && visit(child.comparison);
         });
}

// Two texts of one field that no value meets both of.
bool Excludes(const Comparison& a, const Comparison& b) {
  if (a.field != b.field) return false;
  const auto* x = std::get_if<std::string>(&a.value);
  const auto* y = std::get_if<std::string>(&b.value);
  if (x == nullptr || y == nullptr) return false;
  const bool path = Describe(a.field).type == FieldType::kPath;
  const auto pins = [&](const Comparison& c) {
    return c.op == Op::kEqual || (c.op == Op::kHas && path);
  };
  return pins(a) && pins(b) && !Matches(a, std::string_view(*y)) &&
         !Matches(b, std::string_view(*x));
}

// Do they share no case? False is no answer. Much quicker than a search, and true of most pairs of
// a long list.
bool AreApart(const Predicate& a, const Predicate& b, CoverageBudget* budget) {
  return AnyCertain(a, [&](const Comparison& one) {
    return AnyCertain(b, [&](const Comparison& other) {
      --budget->left;
      return Excludes(one, other);
    });
  });
}

}  // namespace

bool CanHold(const Predicate& condition, CoverageBudget* budget) {
  return budget->left <= 0 || Search(kMostWork, budget).Run({{&condition, true}});
}

bool IsCovered(const Predicate& condition, const std::vector<const Predicate*>& earlier,
               CoverageBudget* budget) {
  // Those that share no case with the condition take none away.
  std::vector<Search::Goal> goals;
  for (const Predicate* other : earlier) {
    if (budget->left <= 0) return false;
    if (AreApart(*other, condition, budget)) continue;
    if (earlier.size() > 1 &&
        !Search(kMostWorkOfPair, budget).Run({{other, true}, {&condition, true}})) {
      continue;
    }
    goals.push_back({other, false});
  }
  if (goals.empty() || budget->left <= 0) return false;
  goals.push_back({&condition, true});  // what is certain comes first, and prunes the rest
  return !Search(earlier.size() > 1 ? kMostWork : kMostWorkOfPair, budget).Run(std::move(goals));
}

}  // namespace rebound
