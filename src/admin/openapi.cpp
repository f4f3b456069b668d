// SPDX-License-Identifier: Apache-2.0
#include "admin/openapi.h"

#include "admin/shape.h"
#include "base/ascii.h"

#include <algorithm>
#include <fmt/format.h>
#include <iterator>
#include <string_view>
#include <utility>

namespace ballast::admin {

namespace {

using std::string_view;

std::string parameter(string_view name, string_view where, string_view help) {
    return fmt::format(
        R"({{"name":{},"in":"{}","required":{},"description":{},"schema":{{"type":"string"}}}})",
        json_of(name), where, where == "path", json_of(help));
}

std::string parameters_of(const Route& route) {
    std::string all;
    const auto add = [&](const std::string& text) {
        if (!all.empty()) all += ',';
        all += text;
    };
    auto path = route.path;
    for (auto open = path.find('{'); open != string_view::npos; open = path.find('{')) {
        path.remove_prefix(open + 1);
        add(parameter(path.substr(0, path.find('}')), "path",
                      "A name; write what a path cannot hold as in RFC 3986 2.1."));
    }
    if (route.parameters != nullptr)
        for (const auto& each : route.parameters()) add(parameter(each.name, "query", each.help));
    if (route.type != stream_type)
        add(parameter("node", "query",
                      route.list.empty()
                          ? "The node that does this, of those that share a store."
                          : "The node that answers, of those that share a store; \"*\" for all."));
    return all;
}

string_view json_name(Body::Type type) {
    switch (type) {
        case Body::Type::text: return R"("string")";
        case Body::Type::number: return R"("integer")";
        case Body::Type::number_or_null: return R"(["integer","null"])";
        case Body::Type::flag: return R"("boolean")";
    }
    std::unreachable();
}

std::string body_of(const Body& body) {
    std::string values;
    if (!body.values.empty())
        values = R"(,"enum":)" +
                 json_of(std::vector<std::string>(body.values.begin(), body.values.end()));
    return fmt::format(
        R"(,"requestBody":{{"required":{},"content":{{"application/json":{{"schema":{{"type":"object",)"
        R"("properties":{{"{}":{{"type":{},"description":{}{}}}}},"required":["{}"],)"
        R"("additionalProperties":false}},"example":{}}}}}}})",
        !body.is_optional, body.member, json_name(body.type), json_of(body.help), values,
        body.member, body.example);
}

std::string operation(const Route& route) {
    const auto schema = route.schema != nullptr ? route.schema() : R"({"type":"string"})";
    return fmt::format(
        R"("{}":{{"summary":{},"parameters":[{}]{},"responses":{{"200":{{"description":"Done.",)"
        R"("content":{{"{}":{{"schema":{}}}}}}},"default":{{"$ref":"#/components/responses/Problem"}}}}}})",
        base::lower(route.method), json_of(route.summary), parameters_of(route),
        route.body != nullptr ? body_of(*route.body) : "", route.type, schema);
}

constexpr string_view components =
    R"({"responses":{"Problem":{"description":"What is wrong, and what would be right (RFC 9457).",)"
    R"("content":{"application/problem+json":{"schema":{"type":"object","properties":{)"
    R"("type":{"type":"string"},"title":{"type":"string"},"status":{"type":"integer"},)"
    R"("detail":{"type":"string"}},"required":["type","title","status","detail"]}}}}},)"
    R"("securitySchemes":{"token":{"type":"http","scheme":"bearer","description":)"
    R"("Over TCP. The Unix socket needs none, and a loopback address may need none to look."}}})";

}  // namespace

std::string openapi_document(std::span<const Route> routes) {
    std::string paths;
    for (auto first = routes.begin(); first != routes.end(); ++first) {
        const auto is_same_path = [&](const Route& each) { return each.path == first->path; };
        if (std::find_if(routes.begin(), first, is_same_path) != first) continue;
        fmt::format_to(std::back_inserter(paths), R"({}"{}":{{)", paths.empty() ? "" : ",",
                       first->path);
        const char* separator = "";
        for (auto each = first; each != routes.end(); ++each) {
            if (!is_same_path(*each)) continue;
            paths += std::exchange(separator, ",");
            paths += operation(*each);
        }
        paths += '}';
    }
    return fmt::format(
        R"({{"openapi":"3.1.0","info":{{"title":"Ballast","version":"{}",)"
        R"("description":"What operators see of a running Ballast, and do to it."}},)"
        R"("security":[{{}},{{"token":[]}}],"paths":{{{}}},"components":{}}})",
        BALLAST_VERSION, paths, components);
}

}  // namespace ballast::admin
