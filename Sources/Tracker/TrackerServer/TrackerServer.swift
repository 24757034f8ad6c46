// A BitTorrent tracker for HTTP and UDP (BEP 3, 7, 15, 21, 23, 31, 41, 48).
//
// This module moves bytes and stores peers; the module Tracking interprets the bytes. It must never wait for anything
// but its sockets, block the loop for more than milliseconds, grow with what clients send, or answer a datagram with
// more bytes than were received before its sender has proved that it receives at its address.

import Address
import Glibc
import Logging
import Reactor
import Synchronization
import Threads
import Tracking

/// A tracker. The initialiser binds its sockets; it serves from `start` to `stop`.
package final class TrackerServer: Sendable {
    private enum State {
        case bound(Starter)
        case running(waiting: [CheckedContinuation<Void, Never>])
        case stopped
    }

    /// Creates the loop and serves until it is stopped.
    private typealias Starter = @Sendable () -> Void

    /// The bound addresses, with the actual ports where 0 was requested.
    package let boundAddresses: BoundAddresses

    package struct BoundAddresses: Sendable, Equatable {
        package let http: [PeerAddress]
        package let udp: [PeerAddress]
    }

    private let mailbox: Mailbox
    private let state: Mutex<State>
    private let logger: Logger

    /// Binds the sockets of a tracker that keeps its peers in memory.
    /// - Parameter makeShared: makes the store that it shares with other trackers, on its thread; nil for none.
    /// - Throws: `TrackerServerError` for an address that is in use or not local, or a setting out of range.
    package convenience init(
        configuration: TrackerConfiguration, logger: Logger = Logger(label: "swoop.tracker"),
        makeShared: (@Sendable (Poller) -> any SharedPeerStore)? = nil
    ) throws(TrackerServerError) {
        let limits = configuration.storeLimits
        try self.init(configuration: configuration, logger: logger, makeShared: makeShared) {
            MemoryPeerStore(limits: limits)
        }
    }

    /// The same with another kind of store, which `makeStore` creates on the tracker's thread.
    init<Store: PeerStore>(
        configuration: TrackerConfiguration, logger: Logger,
        makeShared: (@Sendable (Poller) -> any SharedPeerStore)? = nil, makeStore: @escaping @Sendable () -> Store
    ) throws(TrackerServerError) {
        try configuration.check()
        let mailbox = try Mailbox()
        let (http, udp) = try TrackerServer.bind(configuration)
        boundAddresses = BoundAddresses(http: http.map(\.address), udp: udp.map(\.address))
        self.mailbox = mailbox
        self.logger = logger
        let start: Starter = {
            do throws(TrackerServerError) {
                let loop = try TrackerLoop(
                    configuration: configuration, store: makeStore(), shared: makeShared?(mailbox.poller), http: http,
                    udp: udp, mailbox: mailbox, logger: logger)
                loop.run()
            } catch {
                logger.error("tracker cannot start", metadata: ["reason": "\(error)"])
            }
        }
        state = Mutex(.bound(start))
    }

    /// Binds HTTP first. UDP with port 0 gets HTTP's port; if that is taken, another pair is tried.
    private static func bind(
        _ configuration: TrackerConfiguration
    ) throws(TrackerServerError) -> (http: [Sockets.Bound], udp: [Sockets.Bound]) {
        let mayRetry = configuration.http.first?.port == 0 && configuration.udp.contains { $0.port == 0 }
        var triesLeft = mayRetry ? 16 : 1
        while true {
            triesLeft -= 1
            var http: [Sockets.Bound] = []
            var udp: [Sockets.Bound] = []
            do throws(TrackerServerError) {
                for address in configuration.http { http.append(try Sockets.bind(.http, address)) }
                for address in configuration.udp {
                    let port = address.port == 0 ? http.first?.address.port ?? 0 : address.port
                    udp.append(try Sockets.bind(.udp, address.with(port: port)))
                }
                return (http, udp)
            } catch {
                guard triesLeft > 0, error.code == .addressInUse else { throw error }
            }
        }
    }

    /// Starts to serve, on a thread of its own. Later calls do nothing.
    package func start() {
        let starter = state.withLock { state -> Starter? in
            guard case .bound(let starter) = state else { return nil }
            state = .running(waiting: [])
            return starter
        }
        guard let starter else { return }
        logger.info(
            "tracker serves",
            metadata: [
                "http": "\(boundAddresses.http.map(\.description).joined(separator: " "))",
                "udp": "\(boundAddresses.udp.map(\.description).joined(separator: " "))",
            ])
        let isStarted = Threads.startDetached(name: "tracker") {
            starter()
            self.ended()
        }
        if !isStarted {
            logger.error("tracker cannot start a thread")
            ended()
        }
    }

    private func ended() {
        let waiting = state.withLock { state -> [CheckedContinuation<Void, Never>] in
            guard case .running(let waiting) = state else { return [] }
            state = .stopped
            return waiting
        }
        for continuation in waiting { continuation.resume() }
        // Answers questions from before the state changed; later ones are not posted.
        for case .call(let work) in mailbox.drain() { work(nil) }
        logger.info("tracker has stopped")
    }

    /// Serves until `stop`, or until the task is cancelled.
    package func run() async {
        start()
        await withTaskCancellationHandler {
            await ending()
        } onCancel: {
            mailbox.post(.stop)
        }
    }

    /// Serves only these swarms (nil: all) and removes the peers of others. Applies after the current requests, or from
    /// the start if the tracker is not running yet.
    package func reload(allow: Set<SwarmKey>?) {
        mailbox.post(.allow(allow))
    }

    /// Stops serving and closes all connections; returns when that is done. May be called repeatedly.
    package func stop() async {
        let wasBound = state.withLock { state -> Bool in
            guard case .bound = state else { return false }
            state = .stopped
            return true
        }
        // The tracker never ran: its sockets were closed with the closure that held them.
        if wasBound { return }
        mailbox.post(.stop)
        await ending()
    }

    private func ending() async {
        await withCheckedContinuation { continuation in
            let isOver = state.withLock { state -> Bool in
                guard case .running(let waiting) = state else { return true }
                state = .running(waiting: waiting + [continuation])
                return false
            }
            if isOver { continuation.resume() }
        }
    }

    /// Values of the running tracker, after all earlier messages were handled; nil if it is not running.
    package func snapshot() async -> TrackerSnapshot? {
        await withCheckedContinuation { continuation in
            let isRunning = state.withLock { state -> Bool in
                guard case .running = state else { return false }
                mailbox.post(.call { continuation.resume(returning: $0) })
                return true
            }
            if !isRunning { continuation.resume(returning: nil) }
        }
    }
}
