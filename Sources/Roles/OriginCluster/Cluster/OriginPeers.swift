import Address
import ColdStore
import HTTPTransport
import JSON
import NIOCore
import NIOHTTP1
import Registry
import RegistryClient
import Text

/// The reason why a call to another origin failed.
package enum PeerProblem: Error, Sendable, Hashable, CustomStringConvertible {
    case silent(HTTPTransportError)
    case status(Int)
    /// A malformed answer.
    case malformed

    package var description: String {
        switch self {
        case .silent(let error): error.description
        case .status(let status): "it answers with status \(status)"
        case .malformed: "it answers something else than was asked for"
        }
    }
}

/// Paths of the calls between origins. They need the role `cluster`.
enum InternalPath {
    static let root = "/v1/internal"
    static let origin = root + "/origin"
    static let notes = root + "/notes"
    static let warm = root + "/warm"
    static let offers = root + "/offers"
    static let adoptions = root + "/adoptions"
    static func blob(_ digest: BlobDigest) -> String { "\(root)/blobs/\(digest)" }
    static func info(_ digest: BlobDigest) -> String { "\(root)/blobs/\(digest)/info" }
    static func upload(_ id: String) -> String { "\(root)/uploads/\(id)" }
}

/// The client for calls to other origins. Each call ends at a deadline, or when its caller's task is cancelled.
package final class OriginPeers: Sendable {
    /// One client for questions and one for blobs, so that a question does not wait for a blob to be sent.
    private let questions: HTTPTransport
    private let streams: HTTPTransport
    /// Asks only whether origins are up. With a shared client, a busy origin would seem to be down.
    private let checks: HTTPTransport
    /// For questions that are answered when long work is done.
    private let patient: HTTPTransport
    private let isSecure: Bool
    private let credential: RegistryCredential?

    private static let mostAnswer = 4 << 20
    private static let mostInfo = 64 << 20

    /// - Parameters:
    ///   - isSecure: whether the origins speak TLS: all of them do, or none.
    ///   - credential: a token with the role `cluster`; nil for a registry without tokens.
    ///   - settings: hold the certificate pin, or the authorities, of all origins.
    package init(isSecure: Bool, credential: RegistryCredential?, settings: HTTPTransportSettings) {
        self.isSecure = isSecure
        self.credential = credential
        var settings = settings
        settings.connectTimeout = 3
        settings.connectionsPerHost = 16
        // Each question has a deadline of its own.
        settings.readTimeout = 3_600
        questions = HTTPTransport(settings: settings)
        checks = HTTPTransport(settings: settings)
        settings.connectionsPerHost = 512
        patient = HTTPTransport(settings: settings)
        settings.writeTimeout = 30
        settings.readTimeout = 60
        streams = HTTPTransport(settings: settings)
    }

    package func shutdown() async {
        await checks.shutdown()
        await questions.shutdown()
        await patient.shutdown()
        await streams.shutdown()
    }

    package func url(_ host: String) -> String { "\(isSecure ? "https" : "http")://\(host)" }

    private func url(_ host: String, _ path: String) throws(PeerProblem) -> HTTPURL {
        guard let url = HTTPURL(url(host) + path) else { throw .malformed }
        return url
    }

    private var headers: HTTPHeaders { credential.map { ["Authorization": $0.bearer] } ?? [:] }

    /// - Parameter client: nil for the client of short questions.
    private func ask(
        _ method: HTTPMethod, _ host: String, _ path: String, _ value: JSONValue? = nil, limit: Int = mostAnswer,
        within seconds: Double = 20, by client: HTTPTransport? = nil
    ) async throws(PeerProblem) -> [UInt8] {
        let client = client ?? questions
        let url = try url(host, path)
        var headers = headers
        if value != nil { headers.add(name: "Content-Type", value: "application/json") }
        let deadline = NIODeadline.now() + .after(seconds)
        let (status, body): (UInt, [UInt8])
        do throws(HTTPTransportError) {
            let answer = try await client.request(
                method, url, headers: headers, body: value.map { HTTPRequestBody($0.encode()) }, deadline: deadline)
            (status, body) = (
                answer.status.code, try await client.collect(answer, limit: limit, deadline: deadline)
            )
        } catch {
            throw .silent(error)
        }
        guard (200..<300).contains(status) else { throw .status(Int(status)) }
        return body
    }

    private func document(
        _ host: String, _ path: String, _ value: JSONValue? = nil, within seconds: Double = 20,
        by client: HTTPTransport? = nil
    ) async throws(PeerProblem) -> JSONValue {
        let body = try await ask(value == nil ? .GET : .POST, host, path, value, within: seconds, by: client)
        let limits = JSONLimits(maxBytes: Self.mostAnswer, maxDepth: 8, maxValues: 200_000)
        guard let answer = try? JSONValue.parse(body, limits: limits) else { throw .malformed }
        return answer
    }

    // MARK: Questions

    func member(_ host: String, within seconds: Double) async throws(PeerProblem) -> ClusterWatch.Member {
        let answer = try await document(host, InternalPath.origin, within: seconds, by: checks)
        guard let instance = answer["instance"]?.stringValue, instance.utf8.count <= 64 else { throw .malformed }
        return ClusterWatch.Member(
            instance: instance, peers: answer["peers"]?.stringValue.flatMap { PeerAddress($0) })
    }

    /// Another origin's notes on those of these blobs that it has.
    /// - Parameter contents: whether the notes are to include the bytes of small blobs.
    func notes(_ digests: [BlobDigest], at host: String, contents: Bool) async throws(PeerProblem) -> [BlobNote] {
        let question: JSONValue = .object([
            "digests": .array(digests.map { .string($0.description) }), "contents": .bool(contents),
        ])
        let answer = try await document(host, InternalPath.notes, question)
        let asked = Set(digests)
        return (answer["blobs"]?.arrayValue ?? []).compactMap { BlobNote($0) }.filter { asked.contains($0.digest) }
    }

    /// Offers blobs to an origin that is to store them.
    /// - Parameter own: this origin, which has the blobs.
    /// - Returns: the blobs that the other origin has already.
    func offer(_ blobs: [OfferedBlob], from own: String, to host: String) async throws(PeerProblem) -> Set<BlobDigest> {
        let question: JSONValue = .object(["from": .string(own), "blobs": .array(blobs.map(\.json))])
        let answer = try await document(host, InternalPath.offers, question)
        return Set((answer["have"]?.arrayValue ?? []).compactMap { $0.stringValue.flatMap { BlobDigest($0) } })
    }

    /// Asks an origin to write a blob to the back end of a name, if it owns the blob.
    /// - Returns: whether the origin has the blob. If so, the task is durable there.
    func adopt(_ digest: BlobDigest, for name: ContentName, at host: String) async throws(PeerProblem) -> Bool {
        let question: JSONValue = .object(["digest": .string(digest.description), "name": .string(name.text)])
        do throws(PeerProblem) {
            _ = try await ask(.POST, host, InternalPath.adoptions, question)
            return true
        } catch {
            guard error == .status(404) else { throw error }
            return false
        }
    }

    /// Asks an origin to read a blob from the back end of a name, if it does not have the blob.
    func warm(
        _ digest: BlobDigest, for name: ContentName, patience: Double, at host: String
    ) async throws(PeerProblem) -> ColdAnswer {
        let question: JSONValue = .object([
            "digest": .string(digest.description), "name": .string(name.text), "patience": .double(patience),
        ])
        let answer = try await document(host, InternalPath.warm, question, within: patience + 10, by: patient)
        guard let status = answer["status"]?.lenientInteger else { throw .malformed }
        switch status {
        case 200: return .here
        case 404: return .missing
        default:
            guard let answer = ColdWire.answer(status: Int(clamping: status), answer) else { throw .malformed }
            return answer
        }
    }

    /// The info dictionary of a blob's torrent.
    func info(of digest: BlobDigest, at host: String) async throws(PeerProblem) -> [UInt8] {
        try await ask(.GET, host, InternalPath.info(digest), limit: Self.mostInfo, within: 60)
    }

    /// The same of a blob that may be arriving there from the back end of a name, where it is read from now on if it is not.
    func info(
        of digest: BlobDigest, arrivingUnder name: ContentName, at host: String
    ) async throws(PeerProblem) -> [UInt8] {
        try await ask(.GET, host, InternalPath.info(digest) + "?name=\(name)", limit: Self.mostInfo, within: 60)
    }

    // MARK: Pushes

    /// Sends bytes of an upload, from an offset on.
    /// - Returns: the bytes of the upload that the other origin has then.
    func send(_ parts: ByteChannel, to place: UploadPlace, at offset: Int64) async throws(PeerProblem) -> Int64 {
        let url = try url(place.host, InternalPath.upload(place.id) + "?offset=\(offset)" + place.query)
        let (status, body): (UInt, [UInt8])
        do throws(HTTPTransportError) {
            let answer = try await streams.request(
                .PATCH, url, headers: headers, body: HTTPRequestBody(chunked: parts), deadline: .now() + .hours(24))
            (status, body) = (answer.status.code, try await streams.collect(answer, limit: 64 << 10))
        } catch {
            throw .silent(error)
        }
        guard (200..<300).contains(status) else { throw .status(Int(status)) }
        guard case .integer(let length)? = (try? JSONValue.parse(body))?["length"] else { throw .malformed }
        return length
    }

    /// Finishes an upload.
    /// - Returns: the origins that have the blob durably now: the other one, and those that it relayed the bytes to.
    func finish(
        _ place: UploadPlace, _ digest: BlobDigest, name: ContentName
    ) async throws(PeerProblem) -> [String] {
        let path = InternalPath.upload(place.id) + "?digest=\(digest)&name=\(name)"
        // The other origin may have to read the whole blob again, to hash it.
        let body = try await ask(.PUT, place.host, path, within: 3_600, by: patient)
        guard let hosts = (try? JSONValue.parse(body))?["hosts"]?.arrayValue else { throw .malformed }
        return hosts.compactMap(\.stringValue)
    }

    /// Removes an upload. One that stays, as its origin does not answer soon, is removed there when it has been idle.
    func cancel(_ place: UploadPlace) async {
        _ = try? await ask(.DELETE, place.host, InternalPath.upload(place.id), within: 5)
    }

    // MARK: Reads

    /// Begins to read a blob, or a range of it.
    /// - Parameters:
    ///   - headers: the client's header fields about ranges and conditions.
    ///   - query: begins with `?`, or is empty.
    func open(
        _ digest: BlobDigest, at host: String, method: HTTPMethod, headers more: HTTPHeaders, query: String,
        within seconds: Double
    ) async throws(PeerProblem) -> HTTPAnswer {
        var headers = headers
        headers.add(contentsOf: more)
        let url = try url(host, InternalPath.blob(digest) + query)
        do throws(HTTPTransportError) {
            return try await streams.request(method, url, headers: headers, deadline: .now() + .after(seconds))
        } catch {
            throw .silent(error)
        }
    }

    /// Reads a range of a blob into memory.
    func bytes(
        of digest: BlobDigest, range: Range<Int64>, at host: String, within seconds: Double
    ) async throws(PeerProblem) -> [UInt8] {
        let answer = try await open(
            digest, at: host, method: .GET, headers: ["Range": "bytes=\(range.lowerBound)-\(range.upperBound - 1)"],
            query: "?bad=true", within: seconds)
        let count = Int(range.upperBound - range.lowerBound)
        guard answer.status == .partialContent || answer.status == .ok else {
            throw .status(Int(answer.status.code))
        }
        let body: [UInt8]
        do throws(HTTPTransportError) {
            body = try await streams.collect(answer, limit: count, deadline: .now() + .after(seconds))
        } catch {
            throw .silent(error)
        }
        guard body.count == count else { throw .malformed }
        return body
    }

    /// The body of a response that is no blob; at most 64 KiB.
    func text(of answer: HTTPAnswer) async -> [UInt8] {
        (try? await streams.collect(answer, limit: 64 << 10, deadline: .now() + .seconds(10))) ?? []
    }
}
