import Foundation
import Hashing
import TestSupport

/// Asks a registry over HTTP as any program could: with curl, which knows nothing of registries.
struct OCIClient {
    /// Host and port.
    let authority: String

    struct Answer: CustomStringConvertible {
        let status: Int
        /// By their names in lower case.
        let headers: [String: String]
        let body: String

        var description: String { "\(status) \(headers) \(body.prefix(600))" }
        /// The members of a JSON body.
        var json: [String: Any] {
            (try? JSONSerialization.jsonObject(with: Data(body.utf8)) as? [String: Any]) ?? [:]
        }
        private var error: [String: Any]? { (json["errors"] as? [[String: Any]])?.first }
        /// Of the first error, as the specification has them.
        var code: String? { error?["code"] as? String }
        var message: String? { error?["message"] as? String }
        /// Path and query of what was made.
        var location: String { headers["location"] ?? "" }
    }

    func call(
        _ method: String, _ path: String, _ headers: [String] = [], body: String? = nil
    ) async throws -> Answer {
        var words = ["curl", "-sS", "--path-as-is", "--max-time", "20", "-i"]
        words += method == "HEAD" ? ["-I"] : ["-X", method]
        for header in ["Expect:", "Content-Type:"] + headers { words += ["-H", header] }
        let directory = try TemporaryDirectory()
        if let body {
            try directory.write("body", body)
            words += ["--data-binary", "@" + directory.path("body")]
        } else if ["POST", "PUT", "PATCH"].contains(method) {
            words += ["-H", "Content-Length: 0"]
        }
        let ended = try await Command.ending(words + ["http://\(authority)\(path)"])
        guard ended.status == 0 else { throw TimedOut(description: "\(method) \(path): \(ended.errors)") }
        return try Self.parse(ended.output)
    }

    private static func parse(_ text: String) throws -> Answer {
        guard let end = text.range(of: "\r\n\r\n") else { throw TimedOut(description: "no answer: \(text)") }
        let lines = text[..<end.lowerBound].components(separatedBy: "\r\n")
        let status = lines[0].split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { continue }
            headers[line[..<colon].lowercased()] =
                line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
        }
        return Answer(status: status, headers: headers, body: String(text[end.upperBound...]))
    }

    static func digest(_ text: String) -> String { digest(of: Data(text.utf8)) }
    static func digest(of bytes: Data) -> String { "sha256:" + SHA256.digest(Array(bytes)).hex }

    /// The digest of a sample file, without `sha256:`.
    static func hex(of count: Int, seed: UInt64) -> String {
        SHA256.digest(Array(SampleFiles.bytes(count, seed: seed))).hex
    }

    /// Uploads a blob in two requests, which must succeed.
    @discardableResult
    func upload(_ text: String, to name: String) async throws -> String {
        let digest = Self.digest(text)
        let begun = try await call("POST", "/v2/\(name)/blobs/uploads/")
        let ended = try await call("PUT", "\(begun.location)?digest=\(digest)", body: text)
        guard ended.status == 201 else { throw TimedOut(description: "no upload: \(begun), \(ended)") }
        return digest
    }

    /// A manifest of layers, which are uploaded with it, and a configuration of `{}`.
    static func manifest(_ layers: [String], more: String = "") -> String {
        let layers = layers.map {
            #"{"mediaType":"application/octet-stream","digest":"\#(digest($0))","size":\#($0.utf8.count)}"#
        }
        let config =
            #"{"mediaType":"application/vnd.oci.empty.v1+json","digest":"\#(digest("{}"))","size":2}"#
        return #"{"schemaVersion":2,"mediaType":"\#(imageType)",\#(more)"config":\#(config),"#
            + #""layers":[\#(layers.joined(separator: ","))]}"#
    }

    static let imageType = "application/vnd.oci.image.manifest.v1+json"
    static let indexType = "application/vnd.oci.image.index.v1+json"

    /// Uploads layers and puts a manifest of them.
    func put(_ layers: [String], as name: String, _ version: String, more: String = "") async throws -> Answer {
        for text in layers + ["{}"] { try await upload(text, to: name) }
        return try await put(Self.manifest(layers, more: more), as: name, version)
    }

    func put(_ manifest: String, as name: String, _ version: String, type: String = imageType) async throws -> Answer {
        try await call("PUT", "/v2/\(name)/manifests/\(version)", ["Content-Type: \(type)"], body: manifest)
    }
}
