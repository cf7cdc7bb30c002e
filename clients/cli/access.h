// Users, API keys and sessions; signing in and out.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "clients/cli/output.h"
#include "rebound/v1/access.pb.h"

namespace rebound::cli {

std::vector<Column<v1::User>> UserColumns();
std::vector<Column<v1::ApiKey>> ApiKeyColumns();
std::vector<Column<v1::Session>> SessionColumns();
std::string RenderUser(const v1::User& user);
std::string RenderApiKey(const v1::ApiKey& key);
std::string RenderIdentity(const v1::CallerIdentity& identity);

// "east", or "east@FROM..UNTIL" with either time left out; times as ReadTime takes them. Otherwise
// nothing, and `*reason` says what was expected.
std::optional<v1::OrgUnitGrant> ReadGrant(const std::string& text, std::string* reason);
std::string FormatGrant(const v1::OrgUnitGrant& grant);

// The token of the session that was saved in the folder for this server; empty: none. A session is
// shown to nobody but the server that gave it.
std::string SavedToken(const std::string& folder, const std::string& server);
// Readable by its owner alone. False: it could not be written.
bool SaveToken(const std::string& folder, const std::string& server, const std::string& token);
void ForgetToken(const std::string& folder);

}  // namespace rebound::cli
