import BFT
import HTTPServing
import HTTPTypes
import Hummingbird

/// The calls of management systems: POST with the envelope. A failed call has status 200 and `return_status` `"false"`.
struct EnvelopeCalls<Node: NodeCalls>: Sendable {
    let node: Node
    let limits: NodeAPILimits
    let counters: RequestCounters

    func respond(to request: Request, call: APICall) async -> Response {
        let response = await answer(request, call)
        counters.count(call.rawValue, status: response.status.code)
        return response
    }

    private func answer(_ request: Request, _ call: APICall) async -> Response {
        let bytes: [UInt8]
        switch await RequestBytes.collect(request, limits: limits.http) {
        case .success(let read): bytes = read
        case .failure(let problem):
            return Envelope.response(.failure(problem.text), method: call.rawValue, problem.status)
        }
        let envelope: APIRequest
        do {
            envelope = try APIRequest.parse(bytes, limits: Envelope.limits(limits))
        } catch {
            return Envelope.response(
                .failure(error.description), messageID: error.messageID, method: call.rawValue, .badRequest)
        }
        // The path selects the call. A different method name is an error and must not start a transfer.
        let method = envelope.method.isEmpty ? call.rawValue : envelope.method
        guard call.methodNames.contains(method) else {
            let names = call.methodNames.joined(separator: " or ")
            return Envelope.response(
                .failure("method_name of this path is \(names)"), messageID: envelope.messageID, method: call.rawValue,
                .ok)
        }
        let named = APIRequest(messageID: envelope.messageID, method: method, parameters: envelope.parameters)
        let reply = await call.run(named, on: node)
        return Envelope.response(reply, messageID: envelope.messageID, method: method, .ok)
    }
}
