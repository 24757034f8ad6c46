import BFT
import HTTPTransport
import JSON
import Jobs
import Logging
import NIOCore
import NIOHTTP1
import Policy
import Text

/// Notifies a management system of task changes by HTTP, so that it need not poll. A failed call is repeated with a
/// doubling delay, and given up in the end: the state directories contain the same information.
struct Callback: Sendable {
    let url: String
    let transport: HTTPTransport
    let tunables: NodeTunables
    let clock: any JobClock
    let logger: Logger
    let metrics: NodeMetrics

    /// - Parameters:
    ///   - event: `ready`, `downloaded`, `finished` or `failed`.
    func send(event: String, task: String, path: String, details: String) async {
        guard let target = HTTPURL(url) else { return }
        let body = JSONValue.object(
            JSONObject([
                "event": .string(event), "taskfile": .string(task), "taskfullpath": .string(path),
                "desc": .string(details), "time": .string(clock.text),
            ])
        ).encode()
        var delay = tunables.callbackDelay
        for attempt in 1...max(1, tunables.callbackTries) {
            if await post(target, body) {
                metrics.add(to: .callbacksSent)
                return
            }
            if Task.isCancelled { return }
            if attempt < tunables.callbackTries { await clock.sleep(seconds: delay) }
            delay = min(delay * 2, 3600)
        }
        metrics.add(to: .callbacksFailed)
        logger.warning(
            "callback given up", metadata: ["task": "\(task)", "event": "\(event)", "host": "\(target.host)"])
    }

    /// Redirects are not followed: a body must not be sent to hosts that were not configured.
    private func post(_ target: HTTPURL, _ body: [UInt8]) async -> Bool {
        let answer = try? await transport.request(
            .POST, target, headers: ["Content-Type": "application/json"], body: HTTPRequestBody(body),
            deadline: .now() + .seconds(20))
        guard let answer else { return false }
        _ = try? await transport.collect(answer, limit: 64 << 10, deadline: .now() + .seconds(5))
        return (200..<300).contains(answer.status.code)
    }
}
