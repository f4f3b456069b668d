// SPDX-License-Identifier: Apache-2.0
#include "migrate/golden.h"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace ballast::migrate {
namespace {

/// The files of the corpus, by the names that they have for each other.
Machine machine_in(const std::filesystem::path& folder) {
    auto machine = empty_machine();
    machine.read_file = [folder](const std::string& path) -> base::Result<std::string> {
        if (std::filesystem::is_regular_file(folder / path)) return golden::content(folder / path);
        return std::unexpected(base::Error{base::Fault::internal, {}, "cannot read " + path});
    };
    machine.files_like = [folder](const std::string& pattern) {
        std::vector<std::string> found;
        const auto star = std::filesystem::path(pattern);
        for (const auto& entry : std::filesystem::directory_iterator(folder / star.parent_path()))
            if (entry.path().extension() == star.extension())
                found.push_back(std::filesystem::relative(entry.path(), folder));
        std::ranges::sort(found);
        return found;
    };
    machine.host_name = "main.example.com";
    return machine;
}

const Importer& importer_of(std::string_view language) {
    return *std::ranges::find(all_importers(), language, &Importer::name);
}

Written imported(const std::string& language, const std::filesystem::path& file,
                 const std::string& certificate = {}) {
    const auto done = run(importer_of(language), {.file = file.filename(),
                                                  .text = golden::content(file),
                                                  .machine = machine_in(file.parent_path()),
                                                  .certificate = certificate});
    EXPECT_TRUE(done) << file << ' ' << (done ? "" : to_string(done.error().front()));
    return done ? *done : Written{};
}

class CorpusTest : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Lvs, CorpusTest, testing::Values("keepalived", "ipvsadm"));

TEST_P(CorpusTest, EachFileBecomesWhatItBecameBefore) {
    const std::string language = GetParam();
    for (const auto& file : golden::files(language, ".conf")) {
        const auto done = imported(language, file);
        const auto beside = [&](const char* extension) {
            return std::filesystem::path(file).replace_extension(extension);
        };
        golden::expect_as_before(beside(".toml"), done.configuration);
        golden::expect_as_before(beside(".report"), text_of(done.report));
        if (!done.remainder.empty()) golden::expect_as_before(beside(".vrrp"), done.remainder);
        EXPECT_EQ(std::filesystem::exists(beside(".vrrp")), !done.remainder.empty()) << file;
    }
}

TEST_P(CorpusTest, EachConfigurationHasNoErrorAndNoWarning) {
    for (const std::string certificate : {"", "/etc/ballast/tls/ftp.pem"})
        for (const auto& file : golden::files(GetParam(), ".conf")) {
            const auto done = imported(GetParam(), file, certificate);
            for (const auto& problem : config::read(done.configuration).problems)
                ADD_FAILURE() << file << '\n' << config::to_string(problem, "written");
        }
}

/// Each line of a directive is in the report.
TEST(KeepalivedCorpusTest, EachDirectiveIsReported) {
    for (const auto& file : golden::files("keepalived", ".conf")) {
        const auto report = text_of(imported("keepalived", file).report);
        std::istringstream lines(golden::content(file));
        std::string line;
        bool is_list = false;
        bool is_continued = false;
        for (std::uint32_t number = 1; std::getline(lines, line); ++number) {
            line.erase(0, line.find_first_not_of(" \t"));
            const bool goes_on = line.ends_with('\\');
            const bool is_directive = !line.empty() && line[0] != '#' && line[0] != '!' &&
                                      line[0] != '}' && line[0] != '{';
            // Lists, and the lines of a definition, are reported as a whole.
            if (is_directive && !is_list && !is_continued)
                EXPECT_TRUE(
                    report.contains(fmt::format("{}:{}: ", file.filename().string(), number)))
                    << file << ' ' << number << ' ' << line;
            const auto word = line.substr(0, line.find(' '));
            const bool is_open = line.ends_with('{');
            if (is_open && (word.starts_with("virtual_ipaddress") || word == "group" ||
                            word == "unicast_peer" || word.starts_with("track_") ||
                            word == "notification_email" || word == "interfaces" ||
                            word.starts_with("virtual_r") || word.starts_with("static_") ||
                            word == "interface_up_down_delays" || word == "virtual_host"))
                is_list = line.find("track_file ") == 0 ? line.find("track_file {") == 0 : true;
            if (line.starts_with('}')) is_list = false;
            is_continued = goes_on;
        }
    }
}

/// The directives of keepalived.conf, from its manual.
constexpr std::string_view directives =
    "include includer includem includew includeb includea include_check "
    "notification_email notification_email_from smtp_server smtp_helo_name smtp_connect_timeout "
    "smtp_alert smtp_alert_vrrp smtp_alert_checker no_email_faults router_id lvs_sync_daemon "
    "lvs_timeouts lvs_flush lvs_flush_on_stop checker_log_all_failures vrrp_version "
    "vrrp_mcast_group4 vrrp_mcast_group6 vrrp_garp_master_repeat vrrp_garp_master_delay "
    "vrrp_garp_lower_prio_repeat vrrp_garp_lower_prio_delay vrrp_garp_master_refresh "
    "vrrp_garp_master_refresh_repeat vrrp_garp_interval vrrp_gna_interval vrrp_min_garp "
    "vrrp_garp_extra_if vrrp_down_timer_adverts vrrp_lower_prio_no_advert "
    "vrrp_higher_prio_send_advert vrrp_strict vrrp_skip_check_adv_addr vrrp_check_unicast_src "
    "v3_checksum_as_v2 nftables_ipvs nftables_ipvs_start_fwmark notify_fifo notify_fifo_script "
    "vrrp_notify_fifo lvs_notify_fifo script_user enable_script_security startup_script "
    "startup_script_timeout shutdown_script shutdown_script_timeout vrrp_priority "
    "checker_priority vrrp_cpu_affinity vrrp_rt_priority vrrp_rlimit_rttime enable_snmp_vrrp "
    "enable_snmp_checker snmp_socket enable_dbus json_version child_wait_time net_namespace "
    "net_namespace_ipvs instance use_pid_dir linkbeat_use_polling vrrp_script script interval "
    "timeout weight rise fall user init_fail track_file file init_file vrrp_track_process process "
    "param_match quorum quorum_max delay fork_delay terminate_delay full_command bfd_instance "
    "neighbor_ip source_ip min_rx min_tx idle_tx multiplier passive ttl hoplimit max_hops multihop "
    "vrrp checker vrrp_sync_group group notify_master notify_backup notify_fault notify_stop "
    "notify global_tracking sync_group_tracking_weight garp_group garp_interval gna_interval "
    "interfaces interface interface_up_down_delays vrrp_instance state virtual_router_id priority "
    "advert_int version nopreempt preempt preempt_delay accept no_accept authentication auth_type "
    "auth_pass auth_hmac key active_key anti_replay time_window mode unicast_src_ip unicast_peer "
    "unicast_ttl unicast_fault_no_peer mcast_src_ip mcast_dst_ip track_src_ip use_vmac "
    "vmac_xmit_base use_vmac_addr use_ipvlan virtual_ipaddress virtual_ipaddress_excluded "
    "virtual_routes virtual_rules no_virtual_ipaddress promote_secondaries track_interface "
    "track_script track_process track_bfd dont_track_primary garp_master_delay garp_master_repeat "
    "garp_lower_prio_delay garp_lower_prio_repeat garp_master_refresh garp_master_refresh_repeat "
    "garp_extra_if lower_prio_no_advert higher_prio_send_advert down_timer_adverts "
    "skip_check_adv_addr strict_mode timer_expired_backup owner_ignore_adverts notify_deleted "
    "notify_master_rx_lower_pri notify_priority_changes debug kernel_rx_buf_size native_ipv6 "
    "old_unicast_checksum virtual_server virtual_server_group fwmark protocol lvs_sched lb_algo "
    "flag-1 flag-2 flag-3 sh-port sh-fallback mh-port mh-fallback ops lvs_method lb_kind "
    "delay_loop connect_timeout retry delay_before_retry warmup alpha omega hysteresis quorum_up "
    "quorum_down sorry_server sorry_server_inhibit sorry_server_lvs_method inhibit_on_failure "
    "persistence_timeout persistence_granularity persistence_engine ha_suspend virtualhost "
    "snmp_name ip_family real_server uthreshold lthreshold notify_up notify_down TCP_CHECK "
    "HTTP_GET SSL_GET url path status_code digest regex regex_no_match regex_options regex_stack "
    "regex_min_offset regex_max_offset tls_compliant http_protocol fast_recovery enable_sni "
    "sni_name nb_get_retry SMTP_CHECK helo_name host DNS_CHECK type name MISC_CHECK misc_path "
    "misc_timeout misc_dynamic UDP_CHECK payload require_reply min_reply_length max_reply_length "
    "PING_CHECK BFD_CHECK FILE_CHECK dynamic connect_ip connect_port bindto bind_if bind_port "
    "log_all_failures SSL password ca certificate";

TEST(KeepalivedCorpusTest, EachDirectiveIsInAFile) {
    std::string all = "\n";
    for (const auto& entry :
         std::filesystem::recursive_directory_iterator(golden::folder("keepalived")))
        if (entry.path().extension() == ".conf" || entry.path().extension() == ".inc") {
            std::istringstream lines(golden::content(entry.path()));
            for (std::string line; std::getline(lines, line);)
                all += line.erase(0, line.find_first_not_of(" \t")) + " \n";
        }
    std::istringstream words{std::string(directives)};
    for (std::string word; words >> word;) EXPECT_TRUE(all.contains('\n' + word + ' ')) << word;
    for (const std::string_view mark : {"\n@main", "\n@^", "\n$", "${_", "~SEQ(", "~LST(", "!"})
        EXPECT_TRUE(all.contains(mark)) << mark;
    EXPECT_GE(golden::files("keepalived", ".conf").size(), 20U);
}

}  // namespace
}  // namespace ballast::migrate
