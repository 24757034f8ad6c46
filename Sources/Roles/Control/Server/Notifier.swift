import Crypto
import FleetStore
import HTTPTransport
import Identity
import Logging
import NIOCore
import NIOHTTP1
import Synchronization
import Text
import Threads

/// Sends events to webhooks, with a signature. Their messages are in the database until they are delivered, so that the
/// end of a control loses none. Failed deliveries are retried for a day.
final class Notifier: Sendable {
    private let senders: [WebhookSender]
    private let transport: HTTPTransport
    private let work = Mutex<[Task<Void, Never>]>([])

    init(_ core: ControlCore, _ hooks: [ControlConfiguration.Webhook], logger: Logger) {
        let start = core.feed.last
        var names: [String: Int] = [:]
        let transport = HTTPTransport(settings: HTTPTransportSettings())
        self.transport = transport
        senders = hooks.map { hook in
            let count = names[hook.url, default: 0] + 1
            names[hook.url] = count
            return WebhookSender(
                hook, named: count == 1 ? hook.url : "\(hook.url) \(count)", from: start, core: core,
                transport: transport, logger: logger)
        }
        core.feed.listen { [weak self] change in
            guard WebhookEvent(change, before: nil) != nil else { return }
            for sender in self?.senders ?? [] { sender.wake() }
        }
        let tasks = senders.map { sender in Task { await sender.run() } }
        work.withLock { $0 = tasks }
    }

    func stop() async {
        for task in work.withLock({ $0 }) { task.cancel() }
        await transport.shutdown()
    }
}

/// The messages to one webhook. Of the controls that share a database, any may send each.
private final class WebhookSender: Sendable {
    private static let day = 86_400.0
    /// Messages that are taken at once.
    private static let most = 4
    /// Seconds for a delivery.
    private static let patience = 10.0
    /// Seconds after which another control sends what this one has taken.
    private static let hold = 60.0
    private static let pause = Duration.milliseconds(250)

    private let hook: ControlConfiguration.Webhook
    private let name: String
    private let start: Int64
    private let core: ControlCore
    private let transport: HTTPTransport
    private let logger: Logger
    /// There may be changes that were not looked at. At the start there may be some from before.
    private let hasNews = Mutex(true)

    init(
        _ hook: ControlConfiguration.Webhook, named name: String, from start: Int64, core: ControlCore,
        transport: HTTPTransport, logger: Logger
    ) {
        self.hook = hook
        self.name = name
        self.start = start
        self.core = core
        self.transport = transport
        self.logger = logger
    }

    func wake() { hasNews.withLock { $0 = true } }

    func run() async {
        while !Task.isCancelled {
            let now = core.now()
            var due: [NotificationRecord] = []
            do throws(StoreError) {
                try await look()
                due = try await core.store.dueNotifications(
                    for: name, at: now, until: now + Self.hold, limit: Self.most)
            } catch {
                logger.warning("webhooks wait for the database", metadata: ["error": "\(error)"])
                wake()
                try? await Task.sleep(for: .seconds(2))
            }
            for message in due where !Task.isCancelled { await send(message, at: now) }
            if due.isEmpty { try? await Task.sleep(for: Self.pause) }
        }
    }

    private func look() async throws(StoreError) {
        let isNew = hasNews.withLock { hasNews in
            defer { hasNews = false }
            return hasNews
        }
        guard isNew else { return }
        let events = hook.events
        while try await core.store.notify(
            name, from: start,
            { change, before in
                guard let event = WebhookEvent(change, before: before), events.isEmpty || events.contains(event.name)
                else { return nil }
                return event.body(change)
            })
        {}
    }

    private func send(_ message: NotificationRecord, at now: Double) async {
        let isDone = await isDelivered(Array(message.body.utf8))
        // At a stop the outcome is not known. The next run sends it again.
        guard isDone || !Task.isCancelled else { return }
        do throws(StoreError) {
            if !isDone, now - message.made < Self.day {
                let pause = min(3600, 2 * Double(1 << min(message.tries + 1, 11)))
                return try await core.store.retry(message, at: now + pause)
            }
            if !isDone { logger.error("a webhook was not reached for a day", metadata: ["url": "\(hook.url)"]) }
            try await core.store.remove(message)
        } catch {
            logger.warning("what a webhook got was not noted", metadata: ["error": "\(error)"])
        }
    }

    private func isDelivered(_ body: [UInt8]) async -> Bool {
        guard let url = HTTPURL(hook.url) else { return true }
        var headers: HTTPHeaders = ["Content-Type": "application/json"]
        if let path = hook.secretFile {
            let key = await Threads.offload(name: "webhook") { Self.firstLine(of: path) }
            guard let key else {
                logger.error("the key of a webhook cannot be read", metadata: ["file": "\(path)"])
                return false
            }
            let code = HMAC<SHA256>.authenticationCode(for: body, using: SymmetricKey(data: key))
            headers.add(name: "X-Swoop-Signature", value: "sha256=" + Hexadecimal.encode(Array(code)))
        }
        do {
            let deadline = NIODeadline.now() + .seconds(Int64(Self.patience))
            let answer = try await transport.request(
                .POST, url, headers: headers, body: HTTPRequestBody(body), deadline: deadline)
            _ = try? await transport.collect(answer, limit: 64 << 10, deadline: deadline)
            return (200..<300).contains(answer.status.code)
        } catch { return false }
    }

    private static func firstLine(of path: String) -> [UInt8]? {
        guard let bytes = try? PrivateFile.read(path) else { return nil }
        let line = bytes.prefix { $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\r") }
        return line.isEmpty ? nil : Array(line)
    }
}
