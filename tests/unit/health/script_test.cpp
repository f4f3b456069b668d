// SPDX-License-Identifier: Apache-2.0
// Real programs on a real loop.
#include "health/script.h"

#include "loop/job.h"

#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace ballast::health {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

class ScriptTest : public testing::Test {
protected:
    ScriptTest() {
        std::string pattern = (fs::temp_directory_path() / "ballast-script-XXXXXX").string();
        folder = ::mkdtemp(pattern.data());
        run.path = folder / "probe";
        run.address = base::Address::parse("10.0.0.11:2121").value();
        run.pool = "files";
        run.backend = "alf1";
        run.state = "up";
        run.timeout = 20s;
    }
    ~ScriptTest() override { fs::remove_all(folder); }

    void write(const std::string& lines) const {
        std::ofstream(run.path) << "#!/bin/sh\n" << lines;
        fs::permissions(run.path, fs::perms::owner_all);
    }
    /// "passed", or the reason.
    std::string result() {
        base::Result<> found;
        loop::WorkerLoop loop;
        const auto job = loop::Job::start(wait(loop, found));
        if (!job.is_done()) loop.run();
        return found ? "passed" : base::to_string(found.error());
    }
    loop::Task<> wait(loop::WorkerLoop& loop, base::Result<>& found) {
        found = co_await run_script(loop, run);
        loop.stop();
    }
    /// Ends when nobody holds the pipe's other end: then all that inherited it are gone.
    static std::string read_all(int from) {
        std::string all;
        char byte = 0;
        while (::read(from, &byte, 1) == 1) all += byte;
        return all;
    }

    fs::path folder;
    ScriptRun run;
};

TEST_F(ScriptTest, passes_when_it_exits_with_0) {
    write("echo all is well; exit 0");
    EXPECT_EQ(result(), "passed");
}

TEST_F(ScriptTest, fails_with_its_status_and_the_first_line_it_printed) {
    write("echo disk full >&2; echo more; exit 3");
    EXPECT_EQ(result(), "script: exited with 3: disk full");
    write("exit 1");
    EXPECT_EQ(result(), "script: exited with 1");
    write("printf 'a\\033[1mb\\nc'; exit 1");
    EXPECT_EQ(result(), "script: exited with 1: a?[1mb");
    write("kill -9 $$");
    EXPECT_EQ(result(), "script: ended by signal 9");
}

TEST_F(ScriptTest, fails_if_it_cannot_be_run) {
    EXPECT_EQ(result(), "script: running " + run.path + ": No such file or directory");
    write("exit 0");
    fs::permissions(run.path, fs::perms::owner_read);
    EXPECT_EQ(result(), "script: running " + run.path + ": Permission denied");
}

TEST_F(ScriptTest, takes_any_amount_of_output) {
    write("head -c 3000000 /dev/zero; exit 0");
    EXPECT_EQ(result(), "passed");
}

TEST_F(ScriptTest, gets_the_backend_to_probe_and_nothing_else) {
    ::setenv("BALLAST_SECRET", "x", 1);
    write("{ echo $# $1 $2; env | sort | grep -v '^PWD=\\|^_=\\|^SHLVL=\\|^OLDPWD='; } > " +
          (folder / "said").string());
    EXPECT_EQ(result(), "passed");
    std::ifstream stream(folder / "said");
    const std::string said{std::istreambuf_iterator<char>(stream), {}};
    EXPECT_EQ(said,
              "2 10.0.0.11 2121\nBALLAST_ADDRESS=10.0.0.11:2121\nBALLAST_BACKEND=alf1\n"
              "BALLAST_POOL=files\nBALLAST_PORT=2121\nBALLAST_STATE=up\n"
              "BALLAST_TIMEOUT_MS=20000\nPATH=" +
                  std::string(::getenv("PATH")) + "\n");
    ::unsetenv("BALLAST_SECRET");
}

TEST_F(ScriptTest, inherits_no_descriptor) {
    write("ls /proc/self/fd | wc -l > " + (folder / "said").string());
    EXPECT_EQ(result(), "passed");
    std::ifstream stream(folder / "said");
    int count = 0;
    stream >> count;
    EXPECT_EQ(count, 4);  // three, and the directory that ls reads
}

TEST_F(ScriptTest, is_killed_with_its_children_at_the_timeout) {
    // A named pipe that script and child hold open. It ends when both are gone.
    const auto fifo = folder / "alive";
    ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
    write("exec 3> " + fifo.string() + "; echo waiting; sleep 1000 & echo x >&3; wait");
    run.timeout = 500ms;
    const int reading = ::open(fifo.c_str(), O_RDONLY | O_NONBLOCK);
    EXPECT_EQ(result(), "script: killed after 500 ms: waiting");
    ::fcntl(reading, F_SETFL, 0);
    EXPECT_EQ(read_all(reading), "x\n");  // returns only when all are gone
    ::close(reading);
}

TEST_F(ScriptTest, is_not_delayed_by_a_child_that_lives_on) {
    write("setsid sleep 2 & exit 4");
    EXPECT_EQ(result(), "script: exited with 4");
}

TEST_F(ScriptTest, is_killed_when_nobody_waits_any_more) {
    const auto fifo = folder / "alive";
    ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
    write("exec 3> " + fifo.string() + "; echo x >&3; sleep 1000");
    const int reading = ::open(fifo.c_str(), O_RDONLY | O_NONBLOCK);
    base::Result<> found;
    {
        loop::WorkerLoop loop;
        const auto job = loop::Job::start(wait(loop, found));
        EXPECT_FALSE(job.is_done());
        pollfd readable{reading, POLLIN, 0};
        ASSERT_EQ(::poll(&readable, 1, 20'000), 1);
    }
    ::fcntl(reading, F_SETFL, 0);
    EXPECT_EQ(read_all(reading), "x\n");
    ::close(reading);
    EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);  // no zombie
    EXPECT_EQ(errno, ECHILD);
}

}  // namespace
}  // namespace ballast::health
