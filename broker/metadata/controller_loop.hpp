// SPDX-License-Identifier: Apache-2.0
// ControllerLoop: performs what the Controller decides. One request after the other: decide, append, sync, apply to
// the image, show the image to the brokers of this process, reply. Runs on one executor; call() comes from any.
#pragma once

#include <deque>
#include <memory>
#include <vector>

#include <ottla/function.hpp>

#include "base/log.hpp"
#include "broker/metadata/controller.hpp"
#include "broker/metadata/controller_client.hpp"
#include "broker/metadata/metadata_log.hpp"
#include "net/signal.hpp"
#include "net/timers.hpp"

namespace ottla::broker {

// A broker that follows the metadata.
class ImageListener {
public:
    virtual ~ImageListener() = default;
    // Returns when the broker is as the image says. Called one image after the other; resumes on the caller's executor.
    virtual boost::asio::awaitable<void> on_image(std::shared_ptr<const MetadataImage>) = 0;
};

class ControllerLoop final : public ControllerClient {
public:
    // `store` lives on `executor`, and has been replayed into `image`; this node leads it.
    ControllerLoop(boost::asio::any_io_executor executor, net::Timers& timers, base::Log log,
                   std::shared_ptr<MetadataLog> store, Controller controller,
                   std::shared_ptr<const MetadataImage> image);

    boost::asio::awaitable<Result<ControllerReply>> call(ControllerRequest request, base::TimePoint deadline) override;

    // Records that no request asked for (registration of the controller, the first ones of a cluster). Before run().
    Result<void> write(std::span<const MetadataRecord>);

    // Until stop(). Requests still waiting then get NOT_CONTROLLER.
    boost::asio::awaitable<void> run();
    void stop();

    // On the loop's executor, between requests. The listener sees every image from the next one on.
    void add_listener(ImageListener& listener) { listeners_.push_back(&listener); }
    // Called on the loop's executor with every image whose records are on stable storage.
    void on_committed(Function<void(const ImagePtr&)> listener) { committed_ = std::move(listener); }
    void remove_listener(ImageListener& listener) { std::erase(listeners_, &listener); }
    const std::shared_ptr<const MetadataImage>& image() const noexcept { return image_; }

private:
    struct Pending;

    boost::asio::awaitable<Result<ControllerReply>> perform(std::shared_ptr<Pending>);
    Result<void> append(std::span<const MetadataRecord>);
    static void answer(const std::shared_ptr<Pending>&, Result<ControllerReply>);

    boost::asio::any_io_executor executor_;
    net::Timers& timers_;
    base::Log log_;
    std::shared_ptr<MetadataLog> store_;
    Controller controller_;
    std::shared_ptr<const MetadataImage> image_;
    std::vector<ImageListener*> listeners_;
    Function<void(const ImagePtr&)> committed_;
    std::deque<std::shared_ptr<Pending>> queue_;
    net::Signal wake_;
    bool stopped_ = false;
    bool broken_ = false;  // the log could not be written: nothing is decided any more
};

}  // namespace ottla::broker
