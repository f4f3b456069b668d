# SPDX-License-Identifier: Apache-2.0
"""What a sanitizer reports is found, even of a process whose end nobody sees."""

import subprocess
from pathlib import Path

import pytest

import sanitizers

FAULTS = {
    "thread": """
        #include <pthread.h>
        static int shared;
        static void *race(void *unused) { ++shared; return unused; }
        int main(void) {
            pthread_t other;
            pthread_create(&other, 0, race, 0);
            ++shared;
            pthread_join(other, 0);
        }
    """,
    "address": """
        #include <stdlib.h>
        int main(int count, char **words) {
            char *volatile freed = malloc(1);
            free(freed);
            return *freed;
        }
    """,
    "address,undefined": """
        #include <limits.h>
        int main(int count, char **words) { return INT_MAX - 1 + count + count > 0; }
    """,
}
REPORTS = {
    "thread": "data race",
    "address": "heap-use-after-free",
    "address,undefined": "signed integer overflow",
}


@pytest.mark.parametrize("sanitizer", FAULTS)
def test_a_report_is_found(sanitizer: str, work: Path, reports: Path) -> None:
    source, program = work / "fault.c", work / "fault"
    source.write_text(FAULTS[sanitizer])
    options = [f"-fsanitize={sanitizer}", "-fno-sanitize-recover=all"]
    subprocess.run(["clang-19", "-w", *options, "-o", program, source], check=True, timeout=60)
    done = subprocess.run([program], capture_output=True, timeout=60, check=False)
    assert done.returncode == 99
    assert REPORTS[sanitizer] in sanitizers.take_reports(reports)
    assert not sanitizers.take_reports(reports)
