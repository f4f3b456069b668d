// SPDX-License-Identifier: Apache-2.0
#include "migrate/ipvsadm.h"

#include "base/ascii.h"
#include "base/number.h"
#include "base/port_range.h"
#include "migrate/keepalived_words.h"
#include "migrate/lvs_draft.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <fmt/format.h>
#include <functional>
#include <map>
#include <span>
#include <utility>

namespace ballast::migrate {

namespace {

/// What an option of ipvsadm is in keepalived's words.
enum class Means : std::uint8_t {
    add_service,
    add_server,
    tcp,      ///< the service's address
    not_tcp,  ///< likewise, with UDP or SCTP
    mark,
    server,   ///< the real server's address
    option,   ///< one of keepalived's options, with the value
    word,     ///< likewise, without a value of its own
    ignored,  ///< without a value
    ignored_value,
    timeouts,  ///< tcp, tcpfin and udp
};

struct Option {
    std::string_view letter;
    std::string_view name;
    Means means;
    std::string_view word = {};   ///< of keepalived
    std::string_view value = {};  ///< if it has none of its own
};
constexpr auto options = std::to_array<Option>({
    {"-A", "--add-service", Means::add_service},
    {"-a", "--add-server", Means::add_server},
    {"-t", "--tcp-service", Means::tcp},
    {"-u", "--udp-service", Means::not_tcp, "protocol", "UDP"},
    {"", "--sctp-service", Means::not_tcp, "protocol", "SCTP"},
    {"-f", "--fwmark-service", Means::mark},
    {"-6", "--ipv6", Means::ignored},
    {"-s", "--scheduler", Means::option, "lvs_sched"},
    {"-b", "--sched-flags", Means::option, "flag-1"},
    {"-p", "--persistent", Means::option, "persistence_timeout"},
    {"-M", "--netmask", Means::option, "persistence_granularity"},
    {"", "--pe", Means::option, "persistence_engine"},
    {"-o", "--ops", Means::word, "ops"},
    {"-r", "--real-server", Means::server},
    {"-m", "--masquerading", Means::word, "lvs_method", "NAT"},
    {"-g", "--gatewaying", Means::word, "lvs_method", "DR"},
    {"-i", "--ipip", Means::word, "lvs_method", "TUN"},
    {"-w", "--weight", Means::option, "weight"},
    {"-x", "--u-threshold", Means::option, "uthreshold"},
    {"-y", "--l-threshold", Means::option, "lthreshold"},
    {"", "--tun-info", Means::ignored_value},
    {"", "--tun-type", Means::ignored_value},
    {"", "--tun-port", Means::ignored_value},
    {"", "--tun-nocsum", Means::ignored},
    {"", "--tun-csum", Means::ignored},
    {"", "--tun-remcsum", Means::ignored},
    {"-n", "--numeric", Means::ignored},
    {"-C", "--clear", Means::ignored},
    {"", "--set", Means::timeouts},
});

bool has_value(Means means) {
    switch (means) {
        case Means::tcp:
        case Means::not_tcp:
        case Means::mark:
        case Means::server:
        case Means::option:
        case Means::ignored_value: return true;
        default: return false;
    }
}

/// "192.0.2.1:21", "[2001:db8::1]:21", or without the port.
std::optional<base::Address> address_in(std::string_view text) {
    if (const auto whole = base::Address::parse(text)) return whole;
    if (text.starts_with('[') && text.ends_with(']')) text = text.substr(1, text.size() - 2);
    if (const auto ip = base::Ip::parse(text)) return base::Address{*ip, 0};
    return std::nullopt;
}

class Reader {
public:
    explicit Reader(const Source& source) : source_(source) {}

    Imported run() {
        std::string_view text = source_.text;
        for (place_ = {source_.file, 0}; !text.empty() && errors_.size() < errors_max;) {
            const auto end = std::min(text.find('\n'), text.size());
            ++place_.line;
            line(text.substr(0, end));
            text.remove_prefix(std::min(end + 1, text.size()));
        }
        if (!errors_.empty()) return std::unexpected(std::move(errors_));
        Import result;
        result.draft.preface = {
            fmt::format("Imported from {}. The report says what became of each option.",
                        shown(source_.file)),
            "`ballast check` says what this machine lacks."};
        for (const auto& said : ignored_)
            result.report.add(said.place, said.text, Outcome::not_needed, said.value);
        draft_services(services_,
                       {.moving = {},
                        .timeouts = timeouts_ ? &*timeouts_ : nullptr,
                        .certificate = source_.certificate},
                       result.draft, result.report);
        return result;
    }

private:
    static constexpr std::size_t errors_max = 20;
    static constexpr std::size_t line_bytes_max = 4096;
    static constexpr std::size_t servers_max = 10'000;

    void fail(std::string what, std::string fix) {
        errors_.push_back({place_, std::move(what), std::move(fix)});
    }

    /// A command of ipvsadm without its name, or with it.
    struct Command {
        Means means = Means::ignored;
        std::string key;  ///< the service's option and value
        std::optional<base::Address> address;
        std::optional<std::uint32_t> mark;
        std::optional<base::Address> server;
        std::string server_text;
        Options options;
    };

    void line(std::string_view text) {
        if (text.size() > line_bytes_max) return fail("the line is too long", "split it");
        auto words = split_words(split_comment(text).text);
        if (!words) return fail("a quote is not closed", "close it");
        std::vector<std::string> arguments;
        for (auto& word : *words) arguments.push_back(std::move(word.text));
        if (!arguments.empty() && arguments.front().ends_with("ipvsadm"))
            arguments.erase(arguments.begin());
        if (arguments.empty()) return;
        Command command;
        if (!read(arguments, command)) return;
        if (command.means == Means::add_service) return add_service(std::move(command), text);
        if (command.means == Means::add_server) return add_server(std::move(command));
        if (!was_ignored_)
            fail("the line adds nothing", "write -A for a service, -a for its servers");
    }

    bool read(const std::vector<std::string>& arguments, Command& command) {
        was_ignored_ = false;
        for (std::size_t i = 0; i < arguments.size(); ++i) {
            const auto& word = arguments[i];
            const auto equals = word.starts_with("--") ? word.find('=') : std::string::npos;
            const auto name = std::string_view(word).substr(0, equals);
            const auto* const option = std::ranges::find_if(options, [&](const Option& each) {
                return !name.empty() && (each.letter == name || each.name == name);
            });
            if (option == options.end()) {
                fail(fmt::format("unknown option {}", shown(word)),
                     "import what `ipvsadm -Sn` prints");
                return false;
            }
            std::string value;
            if (equals != std::string::npos) {
                value = word.substr(equals + 1);
            } else if (option->means == Means::timeouts) {
                if (i + 3 >= arguments.size()) return missing(word);
                value = fmt::format("tcp {} tcpfin {} udp {}", arguments[i + 1], arguments[i + 2],
                                    arguments[i + 3]);
                i += 3;
            } else if (has_value(option->means)) {
                // Only persistence may go without its time.
                const bool is_next = i + 1 < arguments.size() && !arguments[i + 1].starts_with('-');
                if (!is_next && option->letter != "-p") return missing(word);
                if (is_next) value = arguments[++i];
            }
            if (!take(*option, word, std::move(value), command)) return false;
        }
        return true;
    }

    bool missing(std::string_view word) {
        fail(fmt::format("{} needs a value", shown(word)), "write it behind the option");
        return false;
    }

    bool take(const Option& option, const std::string& word, std::string value, Command& command) {
        const bool is_whole = value.empty() || word.contains('=');
        Said said{place_, is_whole ? word : fmt::format("{} {}", word, value), value};
        switch (option.means) {
            case Means::add_service:
            case Means::add_server: command.means = option.means; return true;
            case Means::not_tcp:
                command.options.add(option.word, {place_, said.text, std::string(option.value)});
                [[fallthrough]];
            case Means::tcp:
                command.key = fmt::format("{}{}", option.name, value);
                command.address = address_in(value);
                return command.address || not_an_address(value);
            case Means::mark:
                command.key = fmt::format("{}{}", option.name, value);
                command.mark = base::parse_number<std::uint32_t>(value);
                return command.mark || not_an_address(value);
            case Means::server:
                command.server = address_in(value);
                command.server_text = said.text;
                return command.server || not_an_address(value);
            case Means::option: command.options.add(option.word, std::move(said)); return true;
            case Means::word:
                command.options.add(option.word, {place_, word, std::string(option.value)});
                return true;
            case Means::ignored:
            case Means::ignored_value:
                was_ignored_ = true;
                ignored_.push_back({place_, said.text, "there is no IPVS any more"});
                return true;
            case Means::timeouts:
                was_ignored_ = true;
                timeouts_ = std::move(said);
                return true;
        }
        return true;
    }

    bool not_an_address(std::string_view value) {
        fail(fmt::format("{} is not an address or a mark", shown(value)),
             "write numbers, as `ipvsadm -Sn` prints them: -n means numeric");
        return false;
    }

    void add_service(Command command, std::string_view text) {
        if (command.key.empty())
            return fail("the service is missing", "write -t ADDRESS:PORT or -f MARK");
        if (!services_by_key_.try_emplace(command.key, services_.size()).second)
            return fail("the service is added twice", "remove one of the lines");
        if (services_.size() == services_max)
            return fail("there are too many services", "import only those of FTP");
        LvsService service{.said = {place_, std::string(base::trimmed(text, " \t\r")), command.key},
                           .options = std::move(command.options),
                           .has_checks = false};
        if (command.address) service.addresses = {*command.address};
        if (command.mark) service.marks = {*command.mark};
        services_.push_back(std::move(service));
    }

    void add_server(Command command) {
        auto* const service = find(command.key);
        if (service == nullptr)
            return fail("the service of this server is not there",
                        "add the service with -A on a line above");
        if (!command.server) return fail("the server is missing", "write -r ADDRESS:PORT");
        if (++servers_ > servers_max) return fail("there are too many servers", "import fewer");
        service->servers.push_back({.said = {place_, command.server_text, command.server_text},
                                    .ip = command.server->ip,
                                    .port = command.server->port,
                                    .options = std::move(command.options)});
    }

    LvsService* find(std::string_view key) {
        const auto found = services_by_key_.find(key);
        return found == services_by_key_.end() || found->second >= services_.size()
                   ? nullptr
                   : &services_[found->second];
    }

    const Source& source_;
    Place place_;
    std::vector<LvsService> services_;
    std::map<std::string, std::size_t, std::less<>> services_by_key_;
    std::vector<Said> ignored_;  ///< with the reason
    std::optional<Said> timeouts_;
    std::vector<SyntaxError> errors_;
    std::size_t servers_ = 0;
    bool was_ignored_ = false;
};

}  // namespace

Imported import_ipvsadm(const Source& source) { return Reader(source).run(); }

}  // namespace ballast::migrate
