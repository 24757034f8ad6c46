import Address
import BFT
import Foundation
import HTTPTransport
import JSON
import Jobs
import Logging
import NIOCore
import NIOHTTP1
import Node
import NodeAPI
import TestSupport
import Testing
import Text

/// A whole node behind its HTTP server, spoken to over sockets as a management system does.
struct ServedNode: Sendable {
    /// An answer as it came over the wire.
    struct Answer: Sendable {
        let status: UInt
        let bytes: [UInt8]

        var text: String { String(decoding: bytes, as: UTF8.self) }
        var json: JSONObject? { (try? JSONValue.parse(bytes))?.objectValue }
        var content: JSONObject { json?["return_content"]?.objectValue ?? JSONObject() }
        var succeeded: Bool { json?["return_status"] == "true" }
        var desc: String? { content["desc"]?.stringValue }
    }

    let test: TestNode
    let server: NodeAPIServer
    private let http: HTTPTransport

    static func start(
        _ role: NodeRole, in place: TemporaryDirectory? = nil, server: TestServer,
        clock: any JobClock = SystemJobClock(), _ change: (inout NodeConfiguration) -> Void = { _ in }
    ) async throws -> ServedNode {
        try await serve(try await TestNode.start(role, in: place, server: server, clock: clock, change))
    }

    static func serve(_ test: TestNode) async throws -> ServedNode {
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let base = test.configuration.baseDataPath
        let settings = NodeAPIServer.Settings(
            listen: ListenAddress(host: "127.0.0.1", port: 0), www: ListenAddress(host: "127.0.0.1", port: 0),
            content: { base })
        let server = try await NodeAPIServer.start(test.node, settings: settings, logger: logger)
        return ServedNode(test: test, server: server, http: HTTPTransport(settings: HTTPTransportSettings()))
    }

    var place: TemporaryDirectory { test.place }
    /// DATA of this node.
    var data: String { place.path + "/data" }

    func stop() async {
        await http.shutdown()
        await server.stop()
        await test.node.stop()
    }

    // MARK: Requests

    func request(
        _ method: HTTPMethod, _ path: String, body: String? = nil, headers: HTTPHeaders = [:]
    ) async throws -> Answer {
        let url = try #require(HTTPURL("http://127.0.0.1:\(server.address.port)\(path)"))
        let answer = try await http.request(
            method, url, headers: headers, body: body.map { HTTPRequestBody(Array($0.utf8)) },
            deadline: .now() + .seconds(60))
        let bytes = try await http.collect(answer, limit: 16 << 20, deadline: .now() + .seconds(30))
        return Answer(status: answer.status.code, bytes: bytes)
    }

    func get(_ path: String, headers: HTTPHeaders = [:]) async throws -> Answer {
        try await request(.GET, path, headers: headers)
    }

    /// A call in its envelope; what every reply must have is checked here.
    func call(
        _ method: String, at path: String? = nil, _ parameters: JSONObject = JSONObject(), id: JSONValue = "321",
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> Answer {
        let envelope: JSONObject = [
            "message_id": id, "message_type": "request", "message_source": "tms", "method_name": .string(method),
            "method_params": .object(parameters),
        ]
        let answer = try await request(
            .POST, "/\(path ?? method)", body: String(decoding: JSONValue.object(envelope).encode(), as: UTF8.self))
        let reply = try #require(answer.json, "\(answer.text)", sourceLocation: sourceLocation)
        #expect(answer.status == 200, sourceLocation: sourceLocation)
        #expect(reply["request_message_id"] == id, sourceLocation: sourceLocation)
        #expect(reply["reqest_message_id"] == id, sourceLocation: sourceLocation)
        #expect(reply["message_type"] == "response", sourceLocation: sourceLocation)
        #expect(reply["method_name"] == .string(method), sourceLocation: sourceLocation)
        let status = reply["return_status"]
        #expect(status == "true" || status == "false", sourceLocation: sourceLocation)
        #expect(reply["return_content"]?.objectValue != nil, sourceLocation: sourceLocation)
        return answer
    }

    /// Expects a call to succeed with this text.
    func expect(
        _ method: String, _ parameters: JSONObject, succeeds desc: String,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let answer = try await call(method, parameters, sourceLocation: sourceLocation)
        #expect(answer.desc == desc, sourceLocation: sourceLocation)
        #expect(answer.succeeded, sourceLocation: sourceLocation)
    }

    /// Expects a call to fail with this text.
    func expect(
        _ method: String, _ parameters: JSONObject, fails desc: String,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let answer = try await call(method, parameters, sourceLocation: sourceLocation)
        #expect(answer.desc == desc, sourceLocation: sourceLocation)
        #expect(!answer.succeeded, sourceLocation: sourceLocation)
    }

    // MARK: Flows

    /// Writes files of content `NAME`, the same for the same seed.
    func makeContent(
        _ name: String, files: [Int] = [40_000, 300_000, 500_000], seed: UInt64 = 1, subdirectory: String = "cfec-001"
    ) throws {
        for (index, size) in files.enumerated() {
            try place.write(
                "dcp/\(subdirectory)/dcps/\(name)/reel\(index).mxf",
                randomBytes(size, seed: seed &* 100 &+ UInt64(index)))
        }
    }

    /// What gentask and taskfilesquery take.
    func recipe(
        _ name: String, _ shares: String = "1:0:0", policy: String = "fulltime", subdirectory: String = "cfec-001"
    ) -> JSONObject {
        [
            "dcppath": .string("\(place.path)/dcp/\(subdirectory)/dcps/\(name)"),
            "taskfile": .string("\(data)/sender/tmp/\(subdirectory)-\(name).task.json"),
            "basesubdir": .string(subdirectory), "btobscdn": .string(shares), "policy": .string(policy),
        ]
    }

    func generate(
        _ name: String, _ shares: String = "1:0:0", policy: String = "fulltime", subdirectory: String = "cfec-001",
        _ more: JSONObject = JSONObject()
    ) async throws {
        var parameters = recipe(name, shares, policy: policy, subdirectory: subdirectory)
        for member in more.members { parameters[member.key] = member.value }
        let begun = try await call("gentask", parameters)
        try #require(begun.succeeded, "\(begun.text)")
        try await until("\(name) is made") {
            try await call("taskfilesquery", parameters).content["status"] == "finished"
        }
    }

    /// gentask, send, ready; the task file's name.
    func publish(
        _ name: String, _ shares: String = "1:0:0", policy: String = "fulltime", subdirectory: String = "cfec-001",
        _ more: JSONObject = JSONObject()
    ) async throws -> String {
        try await generate(name, shares, policy: policy, subdirectory: subdirectory, more)
        let file = "\(subdirectory)-\(name).task.json"
        let sent = try await call("send", ["taskfile": .string("\(data)/sender/tmp/\(file)")])
        try #require(sent.succeeded, "\(sent.text)")
        try await until("\(name) is ready") {
            try await call("uploadprogress", ["taskfile": .string(file)]).content["status"] == "ready"
        }
        return file
    }

    /// The sender's finished task file, put where a management system puts it: its path.
    func take(_ file: String, from sender: ServedNode) async throws -> String {
        let answer = try await sender.get("/v1/taskfiles/\(file)")
        try #require(answer.status == 200, "\(answer.text)")
        try place.write("data/receiver/tmp/\(file)", answer.bytes)
        return "\(data)/receiver/tmp/\(file)"
    }

    func progress(_ file: String) async throws -> JSONObject {
        try await call("progress", ["taskfile": .string(file)]).content
    }

    /// Waits until a delivery is complete; the last reply.
    @discardableResult
    func downloaded(_ file: String, seconds: Double = 30) async throws -> JSONObject {
        try await until("\(file) is downloaded", seconds: seconds) {
            let status = try await progress(file)["status"]
            if status == "downloaderror" { throw TimedOut(description: "\(try await progress(file).members)") }
            return status == "downloaded" || status == "history"
        }
        return try await progress(file)
    }
}

/// A percentage of a reply, in thousandths of a percent: `12.345%` is 12345.
func thousandths(_ value: JSONValue?) -> Int? {
    guard let text = value?.stringValue, text.hasSuffix("%") else { return nil }
    let parts = text.dropLast().split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 2, parts[1].utf8.count == 3, let whole = Int(parts[0]), let rest = Int(parts[1]) else {
        return nil
    }
    return whole * 1000 + rest
}

extension JSONValue {
    /// A number that is written as one.
    var integerValue: Int64? { if case .integer(let value) = self { value } else { nil } }
}
