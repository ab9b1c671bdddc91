// What the files of this folder have in common, parsed once: Boost.Asio's headers take longer to
// compile than all that is built on them.
#pragma once

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>

#include "net/connection.h"
#include "net/transport_asio.h"
