#include "server/delivery/transfer.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netdb.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <chrono>
#include <deque>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include "server/clock.h"
#include "server/delivery/mail.h"
#include "server/delivery/retry.h"
#include "workflows/check.h"

namespace rebound {
namespace {

constexpr size_t kLongestAnswer = 64 * 1'024;
constexpr size_t kKeptAnswer = 4 * 1'024;

// Of SystemClock::Steady.
using Instant = Duration;

Instant SteadyNow() { return SystemClock().Steady(); }
using Addresses = std::optional<std::vector<std::string>>;
using ResolveName = std::function<Addresses(const std::string&)>;
using End = TransferResult::End;

struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using CurlList = std::unique_ptr<curl_slist, FreeList>;

void Append(CurlList& list, const std::string& line) {
  curl_slist* longer = curl_slist_append(list.get(), line.c_str());
  CHECK(longer != nullptr);
  (void)list.release();
  list.reset(longer);
}

Addresses AskSystem(const std::string& name) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* first = nullptr;
  if (getaddrinfo(name.c_str(), nullptr, &hints, &first) != 0) return std::nullopt;
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> answer(first, freeaddrinfo);
  std::vector<std::string> addresses;
  for (const addrinfo* a = first; a != nullptr; a = a->ai_next) {
    std::array<char, NI_MAXHOST> text{};
    if (getnameinfo(a->ai_addr, a->ai_addrlen, text.data(), text.size(), nullptr, 0,
                    NI_NUMERICHOST) == 0) {
      addresses.emplace_back(text.data());
    }
  }
  return addresses;
}

// Where lookups leave what they found. They outlive the transfers: nothing ends a getaddrinfo.
struct Answers {
  std::mutex mutex{};
  CURLM* multi = nullptr;  // null: nobody waits any more
  int32_t running = 0;
  std::vector<std::pair<uint64_t, Addresses>> found{};
};

void LookUp(std::shared_ptr<Answers> answers, ResolveName resolve, uint64_t id, std::string name) {
  std::thread([answers = std::move(answers), resolve = std::move(resolve), id,
               name = std::move(name)] {
    Addresses addresses;
    try {
      addresses = resolve ? resolve(name) : AskSystem(name);
    } catch (const std::exception&) {
    }
    const std::lock_guard lock(answers->mutex);
    --answers->running;
    answers->found.emplace_back(id, std::move(addresses));
    if (answers->multi != nullptr) curl_multi_wakeup(answers->multi);
  }).detach();
}

struct Job {
  HttpPost post{};
  Mail mail{};
  bool is_mail = false;
  std::function<void(TransferResult)> done{};

  const TargetRules* rules = nullptr;
  const std::atomic<bool>* stopping = nullptr;
  Target target{};
  std::vector<std::string> addresses{};
  Instant begun{};
  Instant deadline{};

  CURL* easy = nullptr;
  CurlList headers{}, recipients{}, pinned{};
  std::array<char, CURL_ERROR_SIZE> words{};
  size_t got = 0;               // bytes of the answer, headers and all
  size_t sent = 0;              // of the mail
  std::vector<bool> replies{};  // of the mail server, up to that to DATA: whether it refused
  bool forbidden = false, too_long = false, other_address = false, once_more = false;
  bool stopped = false;
  TransferResult result{};
};

curl_socket_t OpenSocket(void* job_pointer, curlsocktype, curl_sockaddr* address) {
  Job& job = *static_cast<Job*>(job_pointer);
  if (!job.is_mail && IsForbidden(*job.rules, address->addr)) {
    job.forbidden = true;
    return CURL_SOCKET_BAD;
  }
  return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

// A connection kept from before leads where the name led then.
int BeforeRequest(void* job_pointer, char* address, char*, int, int) {
  Job& job = *static_cast<Job*>(job_pointer);
  if (std::find(job.addresses.begin(), job.addresses.end(), address) != job.addresses.end()) {
    return CURL_PREREQFUNC_OK;
  }
  job.other_address = true;
  return CURL_PREREQFUNC_ABORT;
}

bool CountBytes(Job& job, size_t bytes) {
  job.got += bytes;
  if (job.got > kLongestAnswer) job.too_long = true;
  return !job.too_long;
}

size_t TakeAnswer(char* bytes, size_t, size_t count, void* job_pointer) {
  Job& job = *static_cast<Job*>(job_pointer);
  const size_t room = kKeptAnswer - std::min(kKeptAnswer, job.result.answer.size());
  // A mail server's words name the recipients.
  if (!job.is_mail) job.result.answer.append(bytes, std::min(count, room));
  return CountBytes(job, count) ? count : 0;
}

// Of `line` of a mail server. What it said to the recipients stands right before its go-ahead.
void TakeReply(Job& job, std::string_view line) {
  if (line.size() < 4 || line[3] == '-') return;  // not the last line of a reply
  if (line.starts_with("354")) {
    const size_t asked = std::min(job.mail.recipients.size(), job.replies.size());
    const auto refused =
        std::count(job.replies.end() - static_cast<std::ptrdiff_t>(asked), job.replies.end(), true);
    if (refused > 0) {
      job.result.answer = std::to_string(refused) + " of " +
                          std::to_string(job.mail.recipients.size()) + " recipients were refused";
    }
  }
  job.replies.push_back(line[0] == '4' || line[0] == '5');
}

size_t TakeHeader(char* bytes, size_t, size_t count, void* job_pointer) {
  Job& job = *static_cast<Job*>(job_pointer);
  const std::string_view line(bytes, count);
  constexpr std::string_view kName = "retry-after:";
  if (job.is_mail) TakeReply(job, line);
  if (line.starts_with("HTTP/")) job.result.retry_after.reset();
  if (!job.is_mail && line.size() > kName.size() &&
      curl_strnequal(line.data(), kName.data(), kName.size()) != 0) {
    std::string_view value = line.substr(kName.size());
    while (!value.empty() && (value.back() == '\r' || value.back() == '\n')) value.remove_suffix(1);
    job.result.retry_after = ReadRetryAfter(value, SystemClock().Now());
  }
  return CountBytes(job, count) ? count : 0;
}

size_t GiveMail(char* buffer, size_t, size_t room, void* job_pointer) {
  Job& job = *static_cast<Job*>(job_pointer);
  const size_t count = std::min(room, job.mail.message.size() - job.sent);
  std::copy_n(job.mail.message.data() + job.sent, count, buffer);
  job.sent += count;
  return count;
}

// Asked at least every second, while libcurl waits within a mail's end, too.
int MayGoOn(void* job_pointer, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  Job& job = *static_cast<Job*>(job_pointer);
  job.stopped = *job.stopping;
  return job.stopped ? 1 : 0;
}

template <typename Value>
void SetOption(CURL* easy, CURLoption option, Value value) {
  CHECK(curl_easy_setopt(easy, option, value) == CURLE_OK);
}

End EndOf(const Job& job, CURLcode code) {
  if (job.stopped && code == CURLE_ABORTED_BY_CALLBACK) return End::kStopped;
  if (job.forbidden) return End::kTargetForbidden;
  if (job.too_long) return End::kTooLong;
  switch (static_cast<int>(code)) {
    case CURLE_OK: return job.result.status > 0 ? End::kAnswered : End::kBroken;
    case CURLE_COULDNT_RESOLVE_HOST: return End::kNameUnknown;
    case CURLE_COULDNT_CONNECT: return End::kNotConnected;
    case CURLE_OPERATION_TIMEDOUT: return End::kTimedOut;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_USE_SSL_FAILED: return End::kTls;
    default: break;
  }
  // libcurl calls a mail server's refusal an error of sending.
  return job.is_mail && job.result.status >= 400 ? End::kAnswered : End::kBroken;
}

int MillisLeft(Instant until) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - SteadyNow()).count();
  return static_cast<int>(std::clamp<int64_t>(left, 0, 60'000));
}

}  // namespace

class Transfers::Driver {
 public:
  explicit Driver(TransferOptions options) : options_(std::move(options)) {
    static const CURLcode global = curl_global_init(CURL_GLOBAL_DEFAULT);
    CHECK(global == CURLE_OK);
    multi_ = curl_multi_init();
    CHECK(multi_ != nullptr);
    curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, long{options_.at_once});
    answers_->multi = multi_;
    thread_ = std::thread([this] { Run(); });
  }
  ~Driver() {
    Stop();
    {
      const std::lock_guard lock(answers_->mutex);
      answers_->multi = nullptr;
    }
    curl_multi_cleanup(multi_);
  }
  Driver(const Driver&) = delete;
  Driver& operator=(const Driver&) = delete;

  void Add(std::unique_ptr<Job> job) {
    {
      const std::lock_guard lock(mutex_);
      if (!stopping_) {
        waiting_.push_back(std::move(job));
        curl_multi_wakeup(multi_);
        return;
      }
    }
    job->done(TransferResult{.end = End::kStopped});
  }

  void Stop() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
      curl_multi_wakeup(multi_);
    }
    std::call_once(joined_, [this] { thread_.join(); });
  }

 private:
  void Run() {
    while (BeginWaiting()) {
      int wait = 60'000;
      for (const auto& [id, looking] : looking_) {
        wait = std::min(wait, MillisLeft(looking.until));
      }
      CHECK(curl_multi_poll(multi_, nullptr, 0, wait, nullptr) == CURLM_OK);
      TakeAnswers();
      int running = 0;
      CHECK(curl_multi_perform(multi_, &running) == CURLM_OK);
      FinishEnded();
    }
    while (!looking_.empty()) {
      auto job = std::move(looking_.begin()->second.job);
      looking_.erase(looking_.begin());
      Finish(std::move(job), End::kStopped);
    }
    while (!running_.empty()) Finish(Taken(running_.begin()->first), End::kStopped);
    for (auto& job : std::exchange(waiting_, {})) Finish(std::move(job), End::kStopped);
  }

  // False: it is time to stop.
  bool BeginWaiting() {
    while (true) {
      std::unique_ptr<Job> job;
      {
        const std::lock_guard lock(mutex_);
        if (stopping_) return false;
        const size_t busy = looking_.size() + running_.size();
        if (waiting_.empty() || busy >= static_cast<size_t>(options_.at_once)) return true;
        job = std::move(waiting_.front());
        waiting_.pop_front();
      }
      Begin(std::move(job));
    }
  }

  void Begin(std::unique_ptr<Job> job) {
    job->begun = SteadyNow();
    job->deadline = job->begun + options_.timeout;
    job->rules = &options_.targets;
    job->stopping = &stopping_;
    if (job->is_mail) {
      if (!ReadMailServer(*job)) {
        job->result.detail = "the mail server's address is none of smtp: or smtps:";
        return Finish(std::move(job), End::kNotConnected);
      }
      if (!IsMailAddress(job->mail.sender) || job->mail.recipients.empty() ||
          !std::all_of(job->mail.recipients.begin(), job->mail.recipients.end(), IsMailAddress)) {
        job->result.detail = "an address is none of mail";
        return Finish(std::move(job), End::kNotConnected);
      }
    } else {
      auto target = ReadTarget(options_.targets, "url", job->post.url);
      if (!target) {
        job->result.detail = "not allowed: its " + target.error().metadata.at("part");
        return Finish(std::move(job), End::kTargetForbidden);
      }
      job->target = *std::move(target);
    }
    if (job->target.literal) {
      job->addresses = {job->target.host};
      return Start(std::move(job));
    }
    const uint64_t id = ++last_lookup_;
    {
      // Names that hang keep their threads; new ones must not pile up behind them.
      const std::lock_guard lock(answers_->mutex);
      if (answers_->running < 2 * options_.at_once) {
        ++answers_->running;
      } else {
        job->result.detail = "too many names wait for an answer";
      }
    }
    if (!job->result.detail.empty()) return Finish(std::move(job), End::kNotBegun);
    std::string name = job->target.host;
    const auto until = std::min(job->begun + options_.name_timeout, job->deadline);
    looking_.emplace(id, Looking{std::move(job), until});
    LookUp(answers_, options_.resolve, id, std::move(name));
  }

  static bool ReadMailServer(Job& job) {
    const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> url(curl_url(), curl_url_cleanup);
    if (curl_url_set(url.get(), CURLUPART_URL, job.mail.server.c_str(), 0) != CURLUE_OK) {
      return false;
    }
    const auto part = [&](CURLUPart which) {
      char* text = nullptr;
      const bool found = curl_url_get(url.get(), which, &text, CURLU_DEFAULT_PORT) == CURLUE_OK;
      std::string copy = found ? text : "";
      curl_free(text);
      return copy;
    };
    const std::string scheme = part(CURLUPART_SCHEME);
    std::string host = part(CURLUPART_HOST);
    if ((scheme != "smtp" && scheme != "smtps") || host.empty()) return false;
    if (host.front() == '[') host = host.substr(1, host.size() - 2);
    job.target.host = host;
    job.target.url = job.mail.server;
    const std::string port = part(CURLUPART_PORT);
    std::from_chars(port.data(), port.data() + port.size(), job.target.port);
    std::array<uint8_t, 16> bytes{};
    job.target.literal = inet_pton(AF_INET, host.c_str(), bytes.data()) == 1 ||
                         inet_pton(AF_INET6, host.c_str(), bytes.data()) == 1;
    return true;
  }

  void TakeAnswers() {
    std::vector<std::pair<uint64_t, Addresses>> found;
    {
      const std::lock_guard lock(answers_->mutex);
      found.swap(answers_->found);
    }
    for (auto& [id, addresses] : found) {
      const auto at = looking_.find(id);
      if (at == looking_.end()) continue;  // too late
      auto job = std::move(at->second.job);
      looking_.erase(at);
      if (!addresses || addresses->empty()) {
        job->result.detail = "the name is unknown";
        Finish(std::move(job), End::kNameUnknown);
      } else if (!job->is_mail &&
                 std::any_of(addresses->begin(), addresses->end(), [&](const std::string& address) {
                   return IsForbidden(options_.targets, address);
                 })) {
        job->result.detail = "the name leads to an address that is not allowed";
        Finish(std::move(job), End::kTargetForbidden);
      } else {
        job->addresses = *std::move(addresses);
        Start(std::move(job));
      }
    }
    const auto now = SteadyNow();
    for (auto at = looking_.begin(); at != looking_.end();) {
      if (at->second.until > now) {
        ++at;
        continue;
      }
      auto job = std::move(at->second.job);
      at = looking_.erase(at);
      job->result.detail = "the name was not resolved in time";
      Finish(std::move(job), End::kNameUnknown);
    }
  }

  void Start(std::unique_ptr<Job> owned) {
    Job& job = *owned;
    const int left = MillisLeft(job.deadline);
    if (left == 0) return Finish(std::move(owned), End::kTimedOut);
    job.easy = curl_easy_init();
    CHECK(job.easy != nullptr);
    CURL* easy = job.easy;
    SetOption(easy, CURLOPT_PRIVATE, static_cast<void*>(&job));
    SetOption(easy, CURLOPT_ERRORBUFFER, job.words.data());
    SetOption(easy, CURLOPT_NOSIGNAL, 1L);
    SetOption(easy, CURLOPT_TIMEOUT_MS, long{left});
    SetOption(easy, CURLOPT_PROXY, "");
    SetOption(easy, CURLOPT_NETRC, long{CURL_NETRC_IGNORED});
    SetOption(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    SetOption(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    SetOption(easy, CURLOPT_SSLVERSION, long{CURL_SSLVERSION_TLSv1_2});
    if (!options_.ca_file.empty()) {
      SetOption(easy, CURLOPT_CAINFO, options_.ca_file.c_str());
      SetOption(easy, CURLOPT_CAPATH, static_cast<char*>(nullptr));
    }
    SetOption(easy, CURLOPT_OPENSOCKETFUNCTION, &OpenSocket);
    SetOption(easy, CURLOPT_OPENSOCKETDATA, static_cast<void*>(&job));
    SetOption(easy, CURLOPT_PREREQFUNCTION, &BeforeRequest);
    SetOption(easy, CURLOPT_PREREQDATA, static_cast<void*>(&job));
    SetOption(easy, CURLOPT_WRITEFUNCTION, &TakeAnswer);
    SetOption(easy, CURLOPT_WRITEDATA, static_cast<void*>(&job));
    SetOption(easy, CURLOPT_HEADERFUNCTION, &TakeHeader);
    SetOption(easy, CURLOPT_HEADERDATA, static_cast<void*>(&job));
    if (!job.target.literal) {
      std::string line = job.target.host + ":" + std::to_string(job.target.port);
      char between = ':';
      for (const std::string& address : job.addresses) {
        const bool brackets = address.find(':') != std::string::npos;
        line += between + (brackets ? "[" + address + "]" : address);
        between = ',';
      }
      job.pinned.reset();
      Append(job.pinned, line);
      SetOption(easy, CURLOPT_RESOLVE, job.pinned.get());
    }
    SetOption(easy, CURLOPT_URL, job.target.url.c_str());
    if (job.is_mail) {
      SetMail(job);
    } else {
      SetPost(job);
    }
    running_.emplace(easy, std::move(owned));
    CHECK(curl_multi_add_handle(multi_, easy) == CURLM_OK);
  }

  static void SetPost(Job& job) {
    CURL* easy = job.easy;
    SetOption(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    SetOption(easy, CURLOPT_FOLLOWLOCATION, 0L);
    SetOption(easy, CURLOPT_HTTP_VERSION, long{CURL_HTTP_VERSION_1_1});
    SetOption(easy, CURLOPT_HTTP_CONTENT_DECODING, 0L);
    SetOption(easy, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
    SetOption(easy, CURLOPT_USERAGENT, "Rebound");
    SetOption(easy, CURLOPT_FRESH_CONNECT, job.once_more ? 1L : 0L);
    SetOption(easy, CURLOPT_POST, 1L);
    SetOption(easy, CURLOPT_POSTFIELDS, job.post.body.c_str());
    SetOption(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(job.post.body.size()));
    job.headers.reset();
    Append(job.headers, "Expect:");
    for (const auto& [name, value] : job.post.headers) {
      Append(job.headers, value.empty() ? name + ";" : name + ": " + value);
    }
    SetOption(easy, CURLOPT_HTTPHEADER, job.headers.get());
  }

  void SetMail(Job& job) {
    CURL* easy = job.easy;
    const Mail& mail = job.mail;
    SetOption(easy, CURLOPT_NOPROGRESS, 0L);
    SetOption(easy, CURLOPT_XFERINFOFUNCTION, &MayGoOn);
    SetOption(easy, CURLOPT_XFERINFODATA, static_cast<void*>(&job));
    // Else a server that never answers QUIT is waited for two minutes.
    SetOption(easy, CURLOPT_SERVER_RESPONSE_TIMEOUT,
              long{std::chrono::ceil<std::chrono::seconds>(options_.timeout).count()});
    SetOption(easy, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    SetOption(easy, CURLOPT_USE_SSL, long{mail.require_tls ? CURLUSESSL_ALL : CURLUSESSL_NONE});
    SetOption(easy, CURLOPT_FORBID_REUSE, 1L);
    SetOption(easy, CURLOPT_FRESH_CONNECT, 1L);
    if (!mail.user.empty()) {
      SetOption(easy, CURLOPT_USERNAME, mail.user.c_str());
      SetOption(easy, CURLOPT_PASSWORD, mail.password.c_str());
    }
    SetOption(easy, CURLOPT_MAIL_FROM, ("<" + mail.sender + ">").c_str());
    job.recipients.reset();
    for (const std::string& to : mail.recipients) Append(job.recipients, "<" + to + ">");
    SetOption(easy, CURLOPT_MAIL_RCPT, job.recipients.get());
    // Or one dead mailbox would keep the mail from everybody. All refused is still an error.
    SetOption(easy, CURLOPT_MAIL_RCPT_ALLLOWFAILS, 1L);
    SetOption(easy, CURLOPT_READFUNCTION, &GiveMail);
    SetOption(easy, CURLOPT_READDATA, static_cast<void*>(&job));
    SetOption(easy, CURLOPT_UPLOAD, 1L);
  }

  std::unique_ptr<Job> Taken(CURL* easy) {
    auto node = running_.extract(easy);
    CHECK(!node.empty());
    auto job = std::move(node.mapped());
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    job->result.status = static_cast<int>(status);
    curl_multi_remove_handle(multi_, easy);
    curl_easy_cleanup(easy);
    job->easy = nullptr;
    return job;
  }

  void FinishEnded() {
    int more = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi_, &more)) {
      if (message->msg != CURLMSG_DONE) continue;
      const CURLcode code = message->data.result;
      auto job = Taken(message->easy_handle);
      if (job->other_address && !job->once_more) {
        job->once_more = true;
        job->other_address = false;
        job->result = {};
        job->got = 0;
        Start(std::move(job));
        continue;
      }
      if (job->result.detail.empty()) {
        job->result.detail = job->words.front() != '\0' ? job->words.data()
                             : code == CURLE_OK         ? ""
                                                        : curl_easy_strerror(code);
      }
      const End end = EndOf(*job, code);
      Finish(std::move(job), end);
    }
  }

  static void Finish(std::unique_ptr<Job> job, End end) {
    job->result.end = end;
    if (job->begun != Instant{}) {
      job->result.took = std::chrono::ceil<Duration>(SteadyNow() - job->begun);
    }
    job->done(std::move(job->result));
  }

  struct Looking {
    std::unique_ptr<Job> job{};
    Instant until{};
  };

  const TransferOptions options_;
  CURLM* multi_ = nullptr;
  std::shared_ptr<Answers> answers_ = std::make_shared<Answers>();
  std::mutex mutex_;
  std::atomic<bool> stopping_{false};           // written under mutex_
  std::deque<std::unique_ptr<Job>> waiting_{};  // under mutex_
  // Of the thread.
  std::map<uint64_t, Looking> looking_{};
  std::map<CURL*, std::unique_ptr<Job>> running_{};
  uint64_t last_lookup_ = 0;
  std::once_flag joined_;
  std::thread thread_;
};

Transfers::Transfers(TransferOptions options)
    : posts_(std::make_unique<Driver>(options)),
      mails_(std::make_unique<Driver>(std::move(options))) {}
Transfers::~Transfers() = default;

void Transfers::Post(HttpPost post, std::function<void(TransferResult)> done) {
  auto job = std::make_unique<Job>();
  job->post = std::move(post);
  job->done = std::move(done);
  posts_->Add(std::move(job));
}

void Transfers::Send(Mail mail, std::function<void(TransferResult)> done) {
  auto job = std::make_unique<Job>();
  job->mail = std::move(mail);
  job->is_mail = true;
  job->done = std::move(done);
  mails_->Add(std::move(job));
}

void Transfers::Stop() {
  posts_->Stop();
  mails_->Stop();
}

}  // namespace rebound
