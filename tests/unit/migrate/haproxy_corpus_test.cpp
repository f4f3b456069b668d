// SPDX-License-Identifier: Apache-2.0
#include "migrate/golden.h"
#include "migrate/haproxy.h"

#include <gtest/gtest.h>
#include <string>

namespace ballast::migrate {
namespace {

const Importer haproxy_importer{.name = "haproxy", .summary = "", .read = import_haproxy};

Machine with_variables() {
    auto machine = empty_machine();
    machine.variable = [](const std::string& name) -> std::optional<std::string> {
        if (name == "FTP_PORT") return "2121";
        if (name == "FTP_SERVERS") return "198.51.100.31 198.51.100.32";
        return std::nullopt;
    };
    return machine;
}

Written imported(const golden::path& file) {
    Source source{.file = file.filename(),
                  .text = golden::content(file),
                  .machine = with_variables(),
                  .id = {},
                  .certificate = {}};
    // A file says for itself that it is imported with the option.
    if (source.text.contains("# --certificate")) source.certificate = "/etc/ballast/ftp.pem";
    auto done = run(haproxy_importer, source);
    if (!done) {
        for (const auto& error : done.error()) ADD_FAILURE() << to_string(error);
        return {};
    }
    return *std::move(done);
}

TEST(HaproxyCorpus, HasTheExpectedConfigurationsAndReports) {
    const auto files = golden::files("haproxy", ".cfg");
    EXPECT_GE(files.size(), 20U);
    for (const auto& file : files) {
        const auto done = imported(file);
        auto expected = file;
        golden::expect_as_before(expected.replace_extension(".toml"), done.configuration);
        golden::expect_as_before(expected.replace_extension(".report"), text_of(done.report));
    }
}

TEST(HaproxyCorpus, HasConfigurationsWithoutErrors) {
    for (const auto& file : golden::files("haproxy", ".cfg"))
        EXPECT_EQ(golden::errors_in(imported(file).configuration), "") << file;
}

}  // namespace
}  // namespace ballast::migrate
