// Channel: the way to one target. Sends no faster than it may, waits where the target
// says so, and judges what it answers. Owned by a sink; the writer thread only.
//
// Errors: kTransient (not reachable, no answer, 408, 5xx, 429 without a time; the message
// may have arrived), kConfig (the target will take no message until somebody changes
// something), kCancelled. None names more of the URL than its host.
#pragma once

#include <string>

#include "connectors/notify/message.h"
#include "connectors/notify/options.h"
#include "core/context.h"
#include "core/registry.h"
#include "wire/http_client.h"

namespace leat::notify {

class Channel {
 public:
  // `every`: the time from one message to the next, at least.
  Channel(const Target& target, Micros every, const Context& context);

  // Empty: it has arrived. Else why the target refuses this message.
  Result<std::string> Deliver(const Message& message);

 private:
  HttpRequest RequestFor(const Message& message, const std::string& body) const;
  Status Wait(std::chrono::nanoseconds duration);
  Status Failure(const HttpAnswer& answer) const;

  const Target& target_;
  const Micros every_;
  const Context context_;
  HttpClient http_;
  SteadyTime next_{};  // when the next message may go
};

// Whether the target is there; sends nothing.
CheckItem CheckTarget(const Target& target);

}  // namespace leat::notify
