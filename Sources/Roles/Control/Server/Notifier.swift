import Crypto
import Fleet
import FleetStore
import HTTPTransport
import Identity
import JSON
import Logging
import NIOCore
import NIOHTTP1
import Synchronization
import Text
import Threads

/// Sends events to webhooks, with a signature. One of the controls sends each event. Failed deliveries are retried for
/// a day.
final class Notifier: Sendable {
    private static let day = 86_400.0
    private static let most = 10_000

    private struct Message: Sendable {
        let id: String
        let hook: Int
        let body: [UInt8]
        let made: Double
        var due: Double
        var tries: Int
    }

    private struct State {
        var waiting: [Message] = []
        var jobs: [String: String] = [:]
    }

    private let core: ControlCore
    private let hooks: [ControlConfiguration.Webhook]
    private let transport = HTTPTransport(settings: HTTPTransportSettings())
    private let logger: Logger
    private let state = Mutex(State())
    private let work = Mutex<Task<Void, Never>?>(nil)

    init(_ core: ControlCore, _ hooks: [ControlConfiguration.Webhook], logger: Logger) {
        self.core = core
        self.hooks = hooks
        self.logger = logger
        core.feed.listen { [weak self] change in self?.hear(change) }
        work.withLock { $0 = Task { [weak self] in await self?.run() } }
    }

    func stop() async {
        work.withLock { $0 }?.cancel()
        await transport.shutdown()
    }

    private func hear(_ change: ChangeRecord) {
        guard let (event, detail) = state.withLock({ Self.event(change, &$0) }) else { return }
        let body = JSONValue.object([
            "event": .string(event), "id": .string("\(core.settings.id)-\(change.id)-\(change.subject)"),
            "time": .string(Timestamp.text(change.at)), "subject": .string(change.subject), "detail": detail,
        ]).encode()
        let id = change.id > 0 ? "notice \(change.id)" : ""
        for (index, hook) in hooks.enumerated() where hook.events.isEmpty || hook.events.contains(event) {
            state.withLock { state in
                guard state.waiting.count < Self.most else { return }
                state.waiting.append(
                    Message(id: id, hook: index, body: body, made: change.at, due: change.at, tries: 0))
            }
        }
    }

    /// The event for a change; nil for a change that webhooks do not get.
    private static func event(_ change: ChangeRecord, _ state: inout State) -> (String, JSONValue)? {
        switch change.kind {
        case "notice": return change.doc["action"]?.stringValue.map { ($0, change.doc["doc"] ?? [:]) }
        case "job":
            guard let name = change.doc["state"]?.stringValue, let job = JobState(rawValue: name) else { return nil }
            let before = state.jobs.updateValue(name, forKey: change.subject)
            if job.hasEnded { state.jobs[change.subject] = nil }
            guard before != name, job.hasEnded || job == .held else { return nil }
            return ("job.\(name)", change.doc)
        default: return nil
        }
    }

    private func run() async {
        while !Task.isCancelled {
            let now = core.now()
            let due = state.withLock { state in
                let due = state.waiting.filter { $0.due <= now }.prefix(16)
                for message in due {
                    state.waiting.removeAll {
                        $0.id == message.id && $0.hook == message.hook && $0.made == message.made
                    }
                }
                return Array(due)
            }
            for message in due { await send(message, at: now) }
            if due.isEmpty { try? await Task.sleep(for: .milliseconds(250)) }
        }
    }

    private func send(_ message: Message, at now: Double) async {
        // Of the controls that share a database, only the holder of the lease sends.
        if !message.id.isEmpty, message.tries == 0, core.store.engine.isShared {
            let name = "\(message.id) \(message.hook)"
            guard (try? await core.store.lease(name, for: core.settings.id, until: now + Self.day, at: now)) == true
            else {
                return
            }
        }
        let hook = hooks[message.hook]
        if await isDelivered(message, to: hook) { return }
        guard now - message.made < Self.day else {
            return logger.error("a webhook was not reached for a day", metadata: ["url": "\(hook.url)"])
        }
        var again = message
        again.tries += 1
        again.due = now + min(3600, 2 * Double(1 << min(again.tries, 11)))
        state.withLock { $0.waiting.append(again) }
    }

    private func isDelivered(_ message: Message, to hook: ControlConfiguration.Webhook) async -> Bool {
        guard let url = HTTPURL(hook.url) else { return true }
        var headers: HTTPHeaders = ["Content-Type": "application/json"]
        if let path = hook.secretFile {
            let key = await Threads.offload(name: "webhook") { Self.firstLine(of: path) }
            guard let key else {
                logger.error("the key of a webhook cannot be read", metadata: ["file": "\(path)"])
                return false
            }
            let code = HMAC<SHA256>.authenticationCode(for: message.body, using: SymmetricKey(data: key))
            headers.add(name: "X-Swoop-Signature", value: "sha256=" + Hexadecimal.encode(Array(code)))
        }
        do {
            let answer = try await transport.request(
                .POST, url, headers: headers, body: HTTPRequestBody(message.body), deadline: .now() + .seconds(10))
            _ = try? await transport.collect(answer, limit: 64 << 10, deadline: .now() + .seconds(10))
            return (200..<300).contains(answer.status.code)
        } catch { return false }
    }

    private static func firstLine(of path: String) -> [UInt8]? {
        guard let bytes = try? PrivateFile.read(path) else { return nil }
        let line = bytes.prefix { $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\r") }
        return line.isEmpty ? nil : Array(line)
    }
}
