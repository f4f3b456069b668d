// SPDX-License-Identifier: Apache-2.0
#include "migrate/keepalived_vocabulary.h"

#include <algorithm>
#include <array>
#include <span>

namespace ballast::migrate {

namespace {

using enum Outcome;
using std::string_view;

constexpr string_view vrrp = "keepalived still does VRRP";
constexpr string_view process = "it concerns keepalived's own processes";
constexpr string_view mail =
    "Ballast sends no mail: packaging/prometheus has rules for alerts, and `ballast events` tells "
    "every change";
constexpr string_view script_on_change =
    "Ballast runs no scripts: a service that reads `ballast events --json` can act on changes";
constexpr string_view http = "it concerns HTTP, and the servers are probed with FTP instead";
constexpr string_view source_of_probe =
    "probes leave from the address that the route to the server gives";
constexpr string_view all_logged = "`ballast probes` lists the latest probes and why they failed";
constexpr string_view packet_marks = "Ballast needs no marks of packets";
constexpr string_view other_probe = "no such probe exists: Ballast probes with FTP instead";
constexpr string_view udp = "it concerns UDP, and FTP uses TCP";

constexpr auto top_vocables = std::to_array<Vocable>({
    {"", "global_defs", mapped, "see what is in it", "global_defs"},
    {"", "virtual_server", mapped, "", "virtual_server"},
    {"", "virtual_server_group", mapped, "", "virtual_server_group"},
    {"", "SSL", not_needed, http, "SSL"},
    {"", "vrrp_script", left_to_keepalived, vrrp, "vrrp_script"},
    {"", "track_file vrrp_track_file", left_to_keepalived, vrrp, "track_file"},
    {"", "vrrp_track_process", left_to_keepalived, vrrp, "vrrp_track_process"},
    {"", "bfd_instance", left_to_keepalived, vrrp, "bfd_instance"},
    {"", "vrrp_sync_group", left_to_keepalived, vrrp, "vrrp_sync_group"},
    {"", "vrrp_instance", left_to_keepalived, vrrp, "vrrp_instance"},
    {"", "garp_group", left_to_keepalived, vrrp, "garp_group"},
    {"", "track_group", left_to_keepalived, vrrp},
    {"", "interface_up_down_delays linkbeat_interfaces", left_to_keepalived, vrrp},
    {"", "static_ipaddress static_routes static_rules", left_to_keepalived,
     "keepalived still sets these"},

    {"", "net_namespace", left_to_keepalived,
     "for Ballast write NetworkNamespacePath= into a drop-in of its unit"},
    {"", "net_namespace_ipvs", not_needed, "there is no IPVS any more"},
    {"",
     "namespace_with_ipsets instance use_pid_dir linkbeat_use_polling child_wait_time "
     "json_version",
     left_to_keepalived, process},
});

constexpr auto global_vocables = std::to_array<Vocable>({
    {"global_defs", "notification_email", approximated, mail},
    {"global_defs",
     "notification_email_from smtp_server smtp_helo_name smtp_connect_timeout "
     "smtp_alert smtp_alert_checker no_email_faults no_checker_emails",
     approximated, mail},
    {"global_defs", "smtp_alert_vrrp", left_to_keepalived, vrrp},
    {"global_defs", "router_id", left_to_keepalived, "it names this machine in mails of VRRP"},
    {"global_defs", "lvs_sync_daemon", unsupported,
     "connections cannot outlive their balancer: when the address moves, clients log in again"},
    {"global_defs", "lvs_timeouts", approximated, ""},
    {"global_defs", "lvs_flush lvs_flush_on_stop", not_needed, "there is no IPVS any more"},
    {"global_defs", "checker_log_all_failures", not_needed, all_logged},
    {"global_defs",
     "vrrp_version vrrp_mcast_group4 vrrp_mcast_group6 vrrp_garp_master_repeat "
     "vrrp_garp_master_delay vrrp_garp_lower_prio_repeat vrrp_garp_lower_prio_delay "
     "vrrp_garp_master_refresh vrrp_garp_master_refresh_repeat vrrp_garp_interval "
     "vrrp_gna_interval vrrp_min_garp vrrp_garp_extra_if vrrp_down_timer_adverts "
     "vrrp_lower_prio_no_advert vrrp_higher_prio_send_advert vrrp_strict "
     "vrrp_skip_check_adv_addr vrrp_check_unicast_src v3_checksum_as_v2 "
     "vrrp_notify_fifo vrrp_notify_fifo_script vrrp_notify_priority_changes "
     "fifo_write_vrrp_states_on_reload vrrp_startup_delay log_unknown_vrids "
     "vmac_prefix vmac_addr_prefix dynamic_interfaces default_interface "
     "disable_local_igmp vrrp_iptables vrrp_ipsets vrrp_rx_bufs_policy "
     "vrrp_rx_bufs_multiplier vrrp_netlink_cmd_rcv_bufs "
     "vrrp_netlink_cmd_rcv_bufs_force vrrp_netlink_monitor_rcv_bufs "
     "vrrp_netlink_monitor_rcv_bufs_force vrrp_owner_ignore_adverts "
     "vrrp_rlimit_rttime vrrp_rt_priority vrrp_priority vrrp_no_swap "
     "vrrp_cpu_affinity vrrp_process_name nftables nftables_priority "
     "nftables_counters nftables_ifindex",
     left_to_keepalived, vrrp},
    {"global_defs", "nftables_ipvs nftables_ipvs_priority nftables_ipvs_start_fwmark", not_needed,
     packet_marks},
    {"global_defs", "notify_fifo notify_fifo_script lvs_notify_fifo lvs_notify_fifo_script",
     approximated, "`ballast events --json` tells the same: backends and pools, up and down"},
    {"global_defs", "script_user enable_script_security", left_to_keepalived,
     "it concerns scripts of VRRP; scripts of probes run as Ballast's user"},
    {"global_defs",
     "startup_script startup_script_timeout shutdown_script "
     "shutdown_script_timeout",
     approximated, "for Ballast, write ExecStartPre= and ExecStopPost= into a drop-in of its unit"},
    {"global_defs",
     "checker_priority checker_no_swap checker_cpu_affinity checker_rt_priority "
     "checker_rlimit_rttime checker_process_name lvs_netlink_cmd_rcv_bufs "
     "lvs_netlink_cmd_rcv_bufs_force lvs_netlink_monitor_rcv_bufs "
     "lvs_netlink_monitor_rcv_bufs_force rs_init_notifies",
     not_needed, "keepalived checks no servers any more"},
    {"global_defs",
     "bfd_priority bfd_no_swap bfd_cpu_affinity bfd_rt_priority bfd_rlimit_rttime "
     "bfd_process_name process_names process_name max_auto_priority "
     "min_auto_priority_delay process_monitor_rcv_bufs "
     "process_monitor_rcv_bufs_force umask random_seed reload_check_config "
     "reload_time_file reload_repeat reload_file data_use_instance "
     "tmp_config_directory config_save_dir child_wait_time net_namespace instance "
     "use_pid_dir linkbeat_use_polling namespace_with_ipsets json_version",
     left_to_keepalived, process},
    {"global_defs", "include_check", mapped, "missing files of the includes below are treated so"},
    {"global_defs", "net_namespace_ipvs", not_needed, "there is no IPVS any more"},
    {"global_defs", "enable_snmp_checker", approximated,
     "Ballast has metrics for Prometheus, see docs/metrics.md"},
    {"global_defs",
     "enable_snmp_vrrp enable_snmp_rfc enable_snmp_rfcv2 enable_snmp_rfcv3 "
     "enable_traps snmp_socket enable_dbus dbus_service_name dbus_no_interface_name",
     left_to_keepalived, vrrp},
});

constexpr auto vrrp_vocables = std::to_array<Vocable>({
    {"vrrp_script", "script interval timeout weight rise fall user init_fail", left_to_keepalived,
     vrrp},
    {"track_file", "file weight init_file", left_to_keepalived, vrrp},
    {"vrrp_track_process",
     "process param_match weight quorum quorum_max delay fork_delay "
     "terminate_delay full_command",
     left_to_keepalived, vrrp},
    {"bfd_instance",
     "neighbor_ip neighbour_ip source_ip min_rx min_tx idle_tx multiplier passive "
     "ttl hoplimit max_hops multihop weight vrrp checker",
     left_to_keepalived, vrrp},
    {"vrrp_sync_group",
     "group track_interface track_script track_file track_process track_bfd "
     "notify_master notify_backup notify_fault notify_stop notify smtp_alert "
     "global_tracking sync_group_tracking_weight notify_priority_changes",
     left_to_keepalived, vrrp},
    {"garp_group", "garp_interval gna_interval interface interfaces", left_to_keepalived, vrrp},
    {"vrrp_instance", "lvs_sync_daemon_interface", not_needed, "there is no IPVS any more"},
    {"vrrp_instance", "authentication", left_to_keepalived, vrrp, "authentication"},
    {"vrrp_instance", "auth_hmac", left_to_keepalived, vrrp, "auth_hmac"},
    {"authentication", "auth_type auth_pass", left_to_keepalived, vrrp},
    {"auth_hmac", "key active_key anti_replay time_window mode", left_to_keepalived, vrrp},
    {"vrrp_instance",
     "state interface virtual_router_id priority advert_int version nopreempt "
     "preempt preempt_delay accept no_accept unicast_src_ip unicast_peer "
     "unicast_ttl unicast_fault_no_peer mcast_src_ip mcast_dst_ip track_src_ip "
     "use_vmac vmac_xmit_base use_vmac_addr use_ipvlan virtual_ipaddress "
     "virtual_ipaddress_excluded virtual_routes virtual_rules "
     "no_virtual_ipaddress promote_secondaries track_interface track_script "
     "track_file track_process track_bfd dont_track_primary",
     left_to_keepalived, vrrp},
    {"vrrp_instance",
     "garp_master_delay garp_master_repeat garp_lower_prio_delay "
     "garp_lower_prio_repeat garp_master_refresh garp_master_refresh_repeat "
     "garp_extra_if lower_prio_no_advert higher_prio_send_advert "
     "down_timer_adverts skip_check_adv_addr check_unicast_src "
     "v3_checksum_as_v2 strict_mode timer_expired_backup owner_ignore_adverts "
     "notify_master notify_backup notify_fault notify_stop notify_deleted notify "
     "notify_master_rx_lower_pri notify_priority_changes smtp_alert debug "
     "kernel_rx_buf_size linkbeat_use_polling native_ipv6 old_unicast_checksum",
     left_to_keepalived, vrrp},
});

constexpr auto server_vocables = std::to_array<Vocable>({
    {"virtual_server", "protocol", mapped, ""},
    {"virtual_server", "lvs_sched lb_algo", mapped, ""},
    {"virtual_server", "flag-1 flag-2 flag-3 sh-port sh-fallback mh-port mh-fallback", approximated,
     "source-hash always goes to the next server when one is down, and never looks at ports"},
    {"virtual_server", "ops persistence_engine", not_needed, udp},
    {"virtual_server", "lvs_method lb_kind", approximated, ""},
    {"virtual_server", "delay_loop connect_timeout retry delay_before_retry", mapped, ""},
    {"virtual_server", "warmup", approximated,
     "first probes are sent at once, and later ones are spread by jitter_percent"},
    {"virtual_server", "alpha", approximated, ""},
    {"virtual_server", "omega", not_needed, "it concerns scripts, and Ballast runs none"},
    {"virtual_server", "quorum", approximated, ""},
    {"virtual_server", "hysteresis", approximated, ""},
    {"virtual_server", "quorum_up quorum_down", unsupported, script_on_change},
    {"virtual_server", "sorry_server", approximated, ""},
    {"virtual_server", "sorry_server_inhibit", not_needed,
     "existing sessions always stay when a backend is no longer chosen"},
    {"virtual_server", "sorry_server_lvs_method", approximated, ""},
    {"virtual_server", "inhibit_on_failure", mapped,
     "existing sessions always stay when a backend goes down"},
    {"virtual_server", "persistence_timeout persistence_granularity", mapped, ""},
    {"virtual_server", "weight", mapped, "it is the weight of servers that have none"},
    {"virtual_server", "ha_suspend", approximated,
     "Ballast probes its backends on a standby, too, so that it knows them when the address comes"},
    {"virtual_server", "smtp_alert", approximated, mail},
    {"virtual_server", "virtualhost", not_needed, http},
    {"virtual_server", "snmp_name", mapped, "it names the listener and the pool"},
    {"virtual_server", "ip_family", not_needed, "the addresses say it"},
    {"virtual_server", "real_server", mapped, "", "real_server"},
    {"real_server", "weight", mapped, ""},
    {"real_server", "uthreshold", mapped, ""},
    {"real_server", "lthreshold", not_needed,
     "a session that ends frees its place at once, so max_sessions needs no lower bound"},
    {"real_server", "inhibit_on_failure", mapped,
     "existing sessions always stay when a backend goes down"},
    {"real_server", "alpha", approximated, ""},
    {"real_server", "retry delay_loop delay_before_retry connect_timeout", mapped, ""},
    {"real_server", "warmup", approximated,
     "first probes are sent at once, and later ones are spread by jitter_percent"},
    {"real_server", "virtualhost", not_needed, http},
    {"real_server", "snmp_name", mapped, "it names the backend"},
    {"real_server", "notify_up notify_down", unsupported, script_on_change},
    {"real_server", "smtp_alert", approximated, mail},
    {"real_server", "lvs_method", approximated, ""},
});

/// Options that most checks have.
constexpr auto common_check_words = std::to_array<Vocable>({
    {"check", "connect_ip connect_port", mapped, ""},
    {"check", "bindto bind_if bind_port", approximated, source_of_probe},
    {"check", "fwmark", not_needed, packet_marks},
    {"check", "connect_timeout retry delay_before_retry delay_loop", mapped, ""},
    {"check", "warmup", approximated,
     "first probes are sent at once, and later ones are spread by jitter_percent"},
    {"check", "alpha", approximated, ""},
    {"check", "log_all_failures", not_needed, all_logged},
});

constexpr auto check_vocables = std::to_array<Vocable>({
    {"real_server",
     "TCP_CHECK HTTP_GET SSL_GET SMTP_CHECK DNS_CHECK MISC_CHECK UDP_CHECK "
     "PING_CHECK BFD_CHECK FILE_CHECK",
     approximated, "", "check"},
    {"HTTP_GET", "url", approximated, other_probe, "url"},
    {"SSL_GET", "url", approximated, other_probe, "url"},
    {"url",
     "path status_code digest virtualhost regex regex_no_match regex_options regex_stack "
     "regex_min_offset regex_max_offset tls_compliant",
     not_needed, http},
    {"HTTP_GET", "http_protocol fast_recovery virtualhost enable_sni sni_name", not_needed, http},
    {"SSL_GET", "http_protocol fast_recovery virtualhost enable_sni sni_name", not_needed, http},
    {"HTTP_GET", "nb_get_retry", mapped, ""},
    {"SSL_GET", "nb_get_retry", mapped, ""},
    {"SMTP_CHECK", "helo_name", not_needed, "it concerns SMTP"},
    {"SMTP_CHECK", "host", approximated, other_probe, "host"},
    {"host", "connect_ip connect_port bindto bind_if bind_port fwmark connect_timeout", not_needed,
     "it concerns SMTP"},
    {"DNS_CHECK", "type name", not_needed, "it concerns DNS"},
    {"MISC_CHECK", "misc_path", mapped, ""},
    {"MISC_CHECK", "misc_timeout", mapped, ""},
    {"MISC_CHECK", "misc_dynamic", unsupported, ""},
    {"MISC_CHECK", "user", approximated, "scripts of probes run as Ballast's user"},
    {"UDP_CHECK", "payload require_reply min_reply_length max_reply_length", not_needed, udp},
    {"BFD_CHECK", "name", approximated, other_probe},
    {"FILE_CHECK", "track_file", approximated,
     "`ballast drain` takes a server out and `ballast weight` changes its share, without a file"},
    {"FILE_CHECK", "dynamic weight", approximated,
     "`ballast weight` changes a server's share, without a file"},
    {"SSL", "password ca certificate key", not_needed, http},
});

constexpr std::array<std::span<const Vocable>, 6> tables = {top_vocables,       global_vocables,
                                                            vrrp_vocables,      server_vocables,
                                                            common_check_words, check_vocables};

/// Whether `word` is one of `words`.
bool contains(string_view words, string_view word) {
    while (!words.empty()) {
        const auto end = std::min(words.find(' '), words.size());
        if (words.substr(0, end) == word) return true;
        words.remove_prefix(std::min(end + 1, words.size()));
    }
    return false;
}

}  // namespace

const Vocable* find_vocable(string_view context, string_view word) {
    for (const auto& table : tables)
        for (const auto& vocable : table)
            if (vocable.context == context && contains(vocable.words, word)) return &vocable;
    const bool is_check = context.ends_with("_CHECK") || context.ends_with("_GET");
    const bool has_common_words = context != "BFD_CHECK" && context != "FILE_CHECK";
    if (!is_check || !has_common_words) return nullptr;
    return find_vocable("check", word);
}

}  // namespace ballast::migrate
