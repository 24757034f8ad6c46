import HTTPTransport
import JSON
import NIOHTTP1
import Registry

extension RegistryClient {
    /// Sends POST to a path below `/v1`, and returns the document of the answer; nil where there is no such call.
    /// - Parameter timeout: seconds within which the answer must begin; nil for `Options.answerTimeout`.
    package func act(
        _ path: String, query: String = "", body: JSONValue? = nil, timeout: Double? = nil
    ) async throws(RegistryError) -> JSONValue? {
        try await act(path, query: query, bytes: body?.encode(), timeout: timeout)
    }

    /// The same with a body of encoded JSON.
    package func act(
        _ path: String, query: String, bytes: [UInt8]?, timeout: Double? = nil
    ) async throws(RegistryError) -> JSONValue? {
        var headers: HTTPHeaders = ["Accept": "application/json"]
        if bytes != nil { headers.add(name: "Content-Type", value: "application/json") }
        let call = Call(
            method: .POST, url: try url(path, query: query), headers: headers, body: bytes,
            accepts: [200, 201, 202, 204, 404, 405], timeout: timeout)
        let (answer, bytes) = try await exchange(call, limit: 1 << 20)
        guard (200..<300).contains(answer.status.code) else { return nil }
        return (try? JSONValue.parse(bytes)) ?? .object([:])
    }

    /// Puts a tag on a manifest or blob that the registry has.
    package func tag(_ reference: Reference, as digest: BlobDigest) async throws(RegistryError) {
        let body = JSONValue.object(["digest": .string(digest.description)]).encode()
        _ = try await exchange(
            Call(
                method: .PUT, url: try url("/v1/names/\(reference.name)/tags/\(reference.version)"),
                headers: ["Content-Type": "application/json"], body: body, accepts: [200, 201, 204]), limit: 64 << 10)
    }
}
