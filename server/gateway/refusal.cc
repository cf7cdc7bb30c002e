#include "server/gateway/refusal.h"

#include <array>
#include <cstddef>
#include <string>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "server/services/status.h"
#include "workflows/check.h"

namespace rebound {
namespace {

using grpc::StatusCode;

constexpr std::string_view kPrefix = "GATEWAY_ERROR_REASON_";

// In the order of the values: TextOf indexes it.
constexpr std::array<GatewayReasonText, v1::GatewayErrorReason_ARRAYSIZE> kRefusalTexts{{
    {v1::GATEWAY_ERROR_REASON_UNSPECIFIED, StatusCode::UNKNOWN, 0, "", ""},
    {v1::GATEWAY_ERROR_REASON_METHOD_NOT_FOUND, StatusCode::UNIMPLEMENTED, 404,
     "expected the path of a method, /package.Service/Method, but got \"{path}\"; choose one that "
     "the API documents",
     "应为接口方法的路径（/包名.服务/方法），但收到“{path}”；请选择接口文档中列出的方法"},
    {v1::GATEWAY_ERROR_REASON_VERB_NOT_ALLOWED, StatusCode::UNKNOWN, 405,
     "expected {expected}, but got {value}; methods that change something take POST only",
     "应使用 {expected}，但收到 {value}；会产生更改的方法只接受 POST"},
    {v1::GATEWAY_ERROR_REASON_CONTENT_TYPE_UNSUPPORTED, StatusCode::UNKNOWN, 415,
     "expected the content type {expected}, but got \"{value}\"; send one of them",
     "内容类型应为 {expected}，但收到“{value}”；请改用其中之一"},
    {v1::GATEWAY_ERROR_REASON_ENCODING_UNSUPPORTED, StatusCode::UNIMPLEMENTED, 0,
     "expected the compression {expected}, but got \"{value}\"; send one of them",
     "压缩方式应为 {expected}，但收到“{value}”；请改用其中之一"},
    {v1::GATEWAY_ERROR_REASON_JSON_INVALID, StatusCode::INVALID_ARGUMENT, 0,
     "[{field}: ]expected {expected}, but byte {offset} of the JSON begins something else; correct "
     "the JSON",
     "[{field}：]JSON 第 {offset} 字节处不合要求（应为：{expected}）；请更正 JSON"},
    {v1::GATEWAY_ERROR_REASON_FIELD_UNKNOWN, StatusCode::INVALID_ARGUMENT, 0,
     "{field}: expected a field of the message, but there is none of that name; [did you mean "
     "{suggestion}? ]correct the name or leave it out",
     "{field}：消息中没有这个字段；[是否想写 {suggestion}？]请更正字段名，或去掉该字段"},
    {v1::GATEWAY_ERROR_REASON_MESSAGE_TOO_LARGE, StatusCode::RESOURCE_EXHAUSTED, 0,
     "expected a message of at most {expected} bytes, inflated, but got a larger one; split it",
     "消息解压后最多 {expected} 字节，但收到的更大；请分批发送"},
    {v1::GATEWAY_ERROR_REASON_COMPRESSION_INVALID, StatusCode::INVALID_ARGUMENT, 0,
     "expected {expected} data, but the bytes are not; compress the message as declared",
     "数据应为 {expected} 格式，但并不是；请按声明的方式压缩消息"},
    {v1::GATEWAY_ERROR_REASON_PROTOCOL_VERSION_UNSUPPORTED, StatusCode::INVALID_ARGUMENT, 0,
     "expected version {expected} of the Connect protocol, but got \"{value}\"; set "
     "connect-protocol-version",
     "Connect 协议版本应为 {expected}，但收到“{value}”；请设置 connect-protocol-version"},
    {v1::GATEWAY_ERROR_REASON_TIMEOUT_INVALID, StatusCode::INVALID_ARGUMENT, 0,
     "connect-timeout-ms: expected 1 to 10 digits, but got \"{value}\"; send milliseconds",
     "connect-timeout-ms：应为 1 至 10 位数字，但收到“{value}”；请填写毫秒数"},
    {v1::GATEWAY_ERROR_REASON_QUERY_INVALID, StatusCode::INVALID_ARGUMENT, 0,
     "{field}: expected {expected}, but the address has none; correct its parameters",
     "{field}：地址参数应为 {expected}，但并不是；请更正地址参数"},
    {v1::GATEWAY_ERROR_REASON_METADATA_INVALID, StatusCode::INVALID_ARGUMENT, 0,
     "{field}: expected visible ASCII, or base64 where the name ends in -bin, at most 100 such "
     "values in all, but the value is not; encode it, or send fewer",
     "{field}：应为可见 ASCII 字符；名称以 -bin 结尾的字段应为 base64 编码，且此类值总共不超过 "
     "100 个，但并不是；请先编码或减少数量"},
    {v1::GATEWAY_ERROR_REASON_FRAME_INVALID, StatusCode::INVALID_ARGUMENT, 0,
     "expected {expected}, but the body is not; frame each message with its flags and its length",
     "请求体应为 {expected}，但并不是；请在每条消息前写明标志和长度"},
    {v1::GATEWAY_ERROR_REASON_ONE_MESSAGE_EXPECTED, StatusCode::UNIMPLEMENTED, 0,
     "expected exactly one message, but got {value}; the method takes one",
     "应只有一条消息，但收到 {value} 条；该方法只接受一条消息"},
    {v1::GATEWAY_ERROR_REASON_COMPRESSION_UNDECLARED, StatusCode::INTERNAL, 0,
     "expected connect-content-encoding, because a message is compressed, but it names none; set "
     "it",
     "消息已压缩，但 connect-content-encoding 未指明压缩方式；请填写"},
    {v1::GATEWAY_ERROR_REASON_REQUEST_STREAM_UNSUPPORTED, StatusCode::UNIMPLEMENTED, 505,
     "expected a method that takes one message, but {path} takes a stream, which needs HTTP/2; "
     "call it over gRPC",
     "{path} 接收消息流，需要 HTTP/2；请通过 gRPC 调用"},
    {v1::GATEWAY_ERROR_REASON_ANSWER_INVALID, StatusCode::INTERNAL, 0,
     "expected an answer that can be written as JSON, but it cannot; ask for application/proto",
     "答复无法写成 JSON；请改用 application/proto"},
}};

}  // namespace

const GatewayReasonText& TextOf(v1::GatewayErrorReason reason) {
  const auto index = static_cast<size_t>(reason);
  CHECK(index < kRefusalTexts.size());
  return kRefusalTexts[index];
}

std::string_view Name(v1::GatewayErrorReason reason) {
  std::string_view name = v1::GatewayErrorReason_Name(reason);
  name.remove_prefix(kPrefix.size());
  return name;
}

grpc::Status ToStatus(const GatewayRefusal& refusal, std::string_view language) {
  constexpr size_t kLongest = 600;
  const GatewayReasonText& row = TextOf(refusal.reason);
  Metadata metadata = refusal.metadata;
  for (auto& [key, value] : metadata) value = Shown(value, kLongest);
  const std::string message = FillTemplate(row.english, metadata);

  google::rpc::Status status;
  status.set_code(row.code);
  status.set_message(message);
  google::rpc::ErrorInfo info;
  info.set_reason(std::string(Name(refusal.reason)));
  info.set_domain("rebound");
  for (const auto& [key, value] : metadata) (*info.mutable_metadata())[key] = value;
  status.add_details()->PackFrom(info);
  const std::string& field = metadata["field"];
  if (!field.empty()) {
    google::rpc::BadRequest bad_request;
    auto* violation = bad_request.add_field_violations();
    violation->set_field(field);
    violation->set_description(message);
    status.add_details()->PackFrom(bad_request);
  }
  const bool english = IsEnglish(language);
  google::rpc::LocalizedMessage localized;
  localized.set_locale(english ? "en" : "zh-CN");
  localized.set_message(english ? message : FillTemplate(row.chinese, metadata));
  status.add_details()->PackFrom(localized);
  return grpc::Status(row.code, message, status.SerializeAsString());
}

GatewayRefusal ToRefusal(const JsonFault& fault) {
  if (fault.kind == JsonFault::Kind::kUnknownField) {
    return {v1::GATEWAY_ERROR_REASON_FIELD_UNKNOWN,
            {{"field", fault.path},
             {"offset", std::to_string(fault.offset)},
             {"suggestion", fault.suggestion}}};
  }
  return {v1::GATEWAY_ERROR_REASON_JSON_INVALID,
          {{"field", fault.path},
           {"offset", std::to_string(fault.offset)},
           {"expected", fault.expected}}};
}

}  // namespace rebound
