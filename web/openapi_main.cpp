// SPDX-License-Identifier: Apache-2.0
// Writes the description of the API into a file, for the build of the page.
#include "admin/openapi.h"
#include "admin/routes.h"

#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>

int main(int count, char** words) {
    if (count != 2) {
        std::fputs("usage: ballast_openapi FILE\n", stderr);
        return 2;
    }
    const auto document = ballast::admin::openapi_document(ballast::admin::all_routes());
    std::ostringstream there;
    there << std::ifstream(words[1]).rdbuf();
    // The same document is not written again, so that the page is not made again.
    if (there.str() == document) return 0;
    std::ofstream file(words[1], std::ios::trunc);
    file << document << std::flush;
    if (file.good()) return 0;
    std::perror(words[1]);
    return 1;
}
