// SPDX-License-Identifier: Apache-2.0
#include "migrate/golden.h"
#include "migrate/proftpd.h"
#include "migrate/proftpd_file.h"

#include <gtest/gtest.h>
#include <string>
#include <string_view>
#include <vector>

namespace ballast::migrate {
namespace {

const Importer proftpd_importer{.name = "proftpd", .summary = "", .read = import_proftpd};
constexpr std::string_view there = "/etc/proftpd/";

/// One whose /etc/proftpd is a folder of the corpus.
Machine of_corpus() {
    auto machine = empty_machine();
    const auto nothing = machine.read_file;
    machine.read_file = [nothing](const std::string& path) -> base::Result<std::string> {
        const auto file = golden::folder("proftpd") / "etc" / path.substr(there.size());
        if (!path.starts_with(there) || !std::filesystem::exists(file)) return nothing(path);
        return golden::content(file);
    };
    machine.files_like = [](const std::string& pattern) -> std::vector<std::string> {
        if (pattern != "/etc/proftpd/conf.d/*.conf") return {};
        return {"/etc/proftpd/conf.d/proxy.conf"};
    };
    machine.variable = [](const std::string& name) {
        return name == "SITE_NAME" ? std::optional<std::string>("North") : std::nullopt;
    };
    return machine;
}

Source source_of(const golden::path& file) {
    Source source{.file = file.filename(), .text = golden::content(file), .machine = of_corpus()};
    if (source.text.contains("# --certificate")) source.certificate = "/etc/ballast/ftp.pem";
    return source;
}

Written imported(const golden::path& file) {
    auto done = run(proftpd_importer, source_of(file));
    if (!done) {
        for (const auto& error : done.error()) ADD_FAILURE() << to_string(error);
        return {};
    }
    return *std::move(done);
}

TEST(ProftpdCorpus, HasTheExpectedConfigurationsAndReports) {
    const auto files = golden::files("proftpd", ".conf");
    EXPECT_GE(files.size(), 6U);
    for (const auto& file : files) {
        const auto done = imported(file);
        auto expected = file;
        golden::expect_as_before(expected.replace_extension(".toml"), done.configuration);
        golden::expect_as_before(expected.replace_extension(".report"), text_of(done.report));
    }
}

TEST(ProftpdCorpus, HasConfigurationsWithoutErrors) {
    for (const auto& file : golden::files("proftpd", ".conf"))
        EXPECT_EQ(golden::errors_in(imported(file).configuration), "") << file;
}

void collect(const std::vector<proftpd::Directive>& directives, std::string& names) {
    for (const auto& directive : directives) {
        names += directive.name + '\n';
        collect(directive.inside, names);
    }
}

TEST(ProftpdCorpus, HasEachDirectiveOfModProxy) {
    std::string names = "\n";
    for (const auto& file : golden::files("proftpd", ".conf"))
        if (const auto read = proftpd::read_file(source_of(file))) collect(read->directives, names);
    for (const auto* const name : {"ProxyDataTransferPolicy",
                                   "ProxyDatastore",
                                   "ProxyDirectoryListPolicy",
                                   "ProxyEngine",
                                   "ProxyForwardEnabled",
                                   "ProxyForwardMethod",
                                   "ProxyForwardTo",
                                   "ProxyLog",
                                   "ProxyOptions",
                                   "ProxyReverseConnectPolicy",
                                   "ProxyReverseServers",
                                   "ProxyRetryCount",
                                   "ProxyRole",
                                   "ProxySFTPCiphers",
                                   "ProxySFTPCompression",
                                   "ProxySFTPDigests",
                                   "ProxySFTPHostKey",
                                   "ProxySFTPKeyExchanges",
                                   "ProxySFTPOptions",
                                   "ProxySFTPPassPhraseProvider",
                                   "ProxySFTPServerAlive",
                                   "ProxySFTPServerMatch",
                                   "ProxySFTPVerifyServer",
                                   "ProxySourceAddress",
                                   "ProxyTables",
                                   "ProxyTimeoutConnect",
                                   "ProxyTimeoutLinger",
                                   "ProxyTLSCACertificateFile",
                                   "ProxyTLSCACertificatePath",
                                   "ProxyTLSCARevocationFile",
                                   "ProxyTLSCARevocationPath",
                                   "ProxyTLSCertificateFile",
                                   "ProxyTLSCertificateKeyFile",
                                   "ProxyTLSCipherSuite",
                                   "ProxyTLSEngine",
                                   "ProxyTLSOptions",
                                   "ProxyTLSPreSharedKey",
                                   "ProxyTLSProtocol",
                                   "ProxyTLSTimeoutHandshake",
                                   "ProxyTLSTransferProtectionPolicy",
                                   "ProxyTLSVerifyServer",
                                   "Port",
                                   "DefaultAddress",
                                   "VirtualHost",
                                   "Global",
                                   "Limit",
                                   "PassivePorts",
                                   "MasqueradeAddress",
                                   "TLSEngine",
                                   "TLSRSACertificateFile",
                                   "MaxInstances",
                                   "MaxClients",
                                   "MaxClientsPerHost",
                                   "MaxClientsPerUser",
                                   "TimeoutIdle",
                                   "TimeoutLogin",
                                   "TimeoutNoTransfer",
                                   "TimeoutStalled",
                                   "ServerIdent",
                                   "AllowForeignAddress"})
        EXPECT_TRUE(names.contains('\n' + std::string(name) + '\n')) << name;
}

}  // namespace
}  // namespace ballast::migrate
