// SPDX-License-Identifier: Apache-2.0
// Carries the precompiled header asio/precompiled.hpp for other targets to reuse.
