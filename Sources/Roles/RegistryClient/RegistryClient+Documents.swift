import HTTPTransport
import JSON
import NIOCore
import NIOHTTP1
import Text

/// Calls of Swoop's own API below `/v1` that change something, or check whether the registry answers.
extension RegistryClient {
    /// Posts a JSON document. Returns the document of the answer, or null where there is none.
    /// - Throws: `.unknown` where the registry has no such path.
    package func post(
        _ value: JSONValue, to path: String, limit: Int = 1 << 20
    ) async throws(RegistryError) -> JSONValue {
        let call = Call(
            method: .POST, url: try url(path), headers: ["Content-Type": "application/json"], body: value.encode(),
            accepts: [200, 201, 202, 204])
        let (_, body) = try await exchange(call, limit: limit)
        let limits = JSONLimits(maxBytes: limit, maxDepth: 32, maxValues: 400_000)
        return (try? JSONValue.parse(body, limits: limits)) ?? .null
    }

    /// Checks with a single request, without retries, whether the registry answers.
    /// - Parameter seconds: the most seconds to wait for the answer.
    package func probe(_ path: String, within seconds: Double) async throws(RegistryError) {
        let answer: HTTPAnswer
        do {
            answer = try await transport.request(
                .GET, try url(path), headers: login.headers, body: nil, deadline: .now() + .after(seconds))
        } catch let error as HTTPTransportError {
            throw error == .cancelled ? .cancelled : .silent(registry: name, tries: 1, error)
        } catch let error as RegistryError {
            throw error
        } catch {
            throw .malformed("\(error)")
        }
        let status = Int(answer.status.code)
        guard status == 200 else { throw await refusal(answer) }
        _ = try? await transport.collect(answer, limit: 1 << 20, deadline: .now() + .after(seconds))
    }
}
