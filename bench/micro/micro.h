// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Functions that register benchmarks of the rooms' smallest parts. A name is `table/row/column`,
/// or only `table/row`.
namespace ballast::bench {

void register_parsers();
void register_policies();
void register_passive_ports();
void register_loop();
void register_relay();
/// Leaves them out if the kernel refuses rules.
void register_ways();

}  // namespace ballast::bench
