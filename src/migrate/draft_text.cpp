// SPDX-License-Identifier: Apache-2.0
#include "migrate/draft.h"
#include "migrate/place.h"

#include <algorithm>
#include <fmt/format.h>
#include <iterator>
#include <utility>

namespace ballast::migrate {

namespace {

constexpr std::size_t columns_max = 100;
constexpr std::size_t comment_bytes_max = 2000;

class Writer {
public:
    [[nodiscard]] std::string take() { return std::move(text_); }

    void comment(std::string_view said) {
        const auto text = shown(said, comment_bytes_max);
        std::string_view rest = text;
        do {
            auto end = rest.size();
            if (end + 2 > columns_max) {
                end = rest.rfind(' ', columns_max - 2);
                if (end == std::string_view::npos) end = rest.find(' ');
                end = std::min(end, rest.size());
            }
            fmt::format_to(std::back_inserter(text_), "# {}\n", rest.substr(0, end));
            rest.remove_prefix(std::min(end + 1, rest.size()));
        } while (!rest.empty());
    }

    void table(const std::string& header, const Settings& settings) {
        if (!header.empty()) {
            if (!text_.empty()) text_ += '\n';
            for (const auto& note : settings.notes()) comment(note);
            text_ += header + '\n';
        }
        for (const auto& [key, value, why] : settings.all()) {
            if (!why.empty()) comment(why);
            fmt::format_to(std::back_inserter(text_), "{} = {}\n", key, value.toml());
        }
    }

    void table_if_set(const std::string& header, const Settings& settings) {
        if (!settings.empty()) table(header, settings);
    }

private:
    std::string text_;
};

void write(Writer& writer, const DraftListener& listener) {
    const auto key = "listener." + listener.name;
    writer.table('[' + key + ']', listener.settings);
    writer.table_if_set('[' + key + ".tls]", listener.tls);
    for (const auto& route : listener.routes) {
        writer.table("[[" + key + ".route]]", route.settings);
        writer.table_if_set('[' + key + ".route.match]", route.match);
    }
}

void write(Writer& writer, const DraftPool& pool) {
    const auto key = "pool." + pool.name;
    writer.table('[' + key + ']', pool.settings);
    writer.table_if_set('[' + key + ".stick]", pool.stick);
    writer.table_if_set('[' + key + ".queue]", pool.queue);
    writer.table_if_set('[' + key + ".observe]", pool.observe);
    writer.table_if_set('[' + key + ".probe]", pool.probe);
    writer.table_if_set('[' + key + ".tls]", pool.tls);
    for (const auto& backend : pool.backends) {
        Settings settings;
        for (const auto& note : backend.settings.notes()) settings.note(note);
        settings.set("name", Value::text(backend.name));
        for (const auto& each : backend.settings.all())
            settings.set(each.key, each.value, each.why);
        writer.table("[[" + key + ".backend]]", settings);
        writer.table_if_set('[' + key + ".backend.tls]", backend.tls);
    }
}

}  // namespace

std::string written(const Draft& draft) {
    Writer writer;
    for (const auto& line : draft.preface) writer.comment(line);
    writer.table("", draft.top);
    writer.table_if_set("[log]", draft.log);
    writer.table_if_set("[transfer_log]", draft.transfer_log);
    writer.table_if_set("[admin]", draft.admin);
    writer.table_if_set("[limits]", draft.limits);
    for (const auto& listener : draft.listeners) write(writer, listener);
    for (const auto& pool : draft.pools) write(writer, pool);
    return writer.take();
}

}  // namespace ballast::migrate
