import ArgumentParser
import Fleet
import Identity
import JSON
import Text

/// `swoop fleet job receipts`.
struct FleetJobReceiptsCommand: SwoopCommand {
    static let configuration = CommandConfiguration(
        commandName: "receipts", abstract: "Show a job's receipts, which its targets have signed.",
        discussion: """
            Examples:
              swoop fleet job receipts j018f2a3b4c5d6e7f809 --verify
              swoop fleet job receipts j018f2a3b4c5d6e7f809 --csv > receipts.csv
            """)

    @Argument(help: ArgumentHelp("The job's id.", valueName: "job"))
    var job: String

    @Flag(help: "As CSV.")
    var csv = false

    @Flag(help: "Hold each against its node's key; ends with 3 where one does not hold.")
    var verify = false

    @OptionGroup var fleet: FleetArguments
    @OptionGroup var global: GlobalOptions

    func run(_ reporter: Reporter) async throws {
        let items = try await fleet.using { try await $0.all("/v1/jobs/\(FleetClient.part(job))/receipts") }
        let lines = items.map { ReceiptLine($0, job: job) }
        if csv {
            let rows = [ReceiptLine.headings] + lines.map { $0.cells(verified: verify) }
            reporter.result(rows.map { $0.map(ReceiptLine.quoted).joined(separator: ",") }.joined(separator: "\r\n"))
        } else if reporter.mode.json {
            for line in lines { reporter.raw(line.json(verified: verify), "receipt") }
        } else {
            reporter.result(
                TextTable(headings: ReceiptLine.headings, rows: lines.map { $0.cells(verified: verify).map(\.shown) })
                    .text)
        }
        guard verify else { return }
        let wrong = lines.count { $0.problem != nil }
        guard wrong == 0 else {
            throw Failure(.verification, "\(wrong) of \(HumanText.plural(lines.count, "receipt")) do not hold")
        }
        reporter.note("\(HumanText.plural(lines.count, "receipt")) \(lines.count == 1 ? "holds" : "hold")")
    }
}

/// A receipt, prepared for printing.
struct ReceiptLine: Sendable {
    static let headings = ["node", "name", "attempt", "state", "bytes", "files", "path", "hook", "time", "signature"]

    private let item: JSON.JSONValue
    private let payload: JSON.JSONValue
    /// Why the receipt is not valid; nil if it is.
    let problem: String?

    init(_ item: JSON.JSONValue, job: String) {
        self.item = item
        do throws(IdentityProblem) {
            let statement = try JWS.Statement(item["receipt"]?.stringValue ?? "")
            payload = statement.payload
            problem = Self.problem(statement, item, job: job)
        } catch {
            payload = [:]
            problem = "\(error)"
        }
    }

    private static func problem(_ statement: JWS.Statement, _ item: JSON.JSONValue, job: String) -> String? {
        guard let der = item["public_key"]?.stringValue.flatMap({ Base64.decode($0) }), let key = PublicKey(der: der)
        else { return "the node's key is not known" }
        guard statement.isSigned(by: key) else { return "it is not signed by the node's key" }
        guard statement.payload["job"]?.stringValue == job else { return "it is of another job" }
        guard let node = statement.payload["node"]?.stringValue, node == item["node"]?.stringValue,
            NodeID(publicKey: der).description == node
        else { return "it is of another node" }
        return nil
    }

    func cells(verified: Bool) -> [String] {
        func text(_ value: JSON.JSONValue?) -> String { value?.lenientText ?? "" }
        let hook = payload["hook"]
        return [
            text(item["node"]), text(item["name"]), text(item["attempt"]), text(item["state"]), text(payload["bytes"]),
            text(payload["files"]) + (payload["files"]?.arrayValue.map { "\($0.count)" } ?? ""), text(payload["path"]),
            text(hook) + (hook?["status"].map { text($0) } ?? ""), text(item["time"]),
            verified ? problem ?? "holds" : "",
        ]
    }

    func json(verified: Bool) -> JSON.JSONValue {
        var object = item.objectValue ?? JSONObject()
        object["payload"] = payload
        if verified {
            object["verified"] = .bool(problem == nil)
            if let problem { object["problem"] = .string(problem) }
        }
        return .object(object)
    }

    /// A cell of CSV (RFC 4180). A quote in front of `=`, `+`, `-` and `@` keeps spreadsheets from evaluating the cell
    /// as a formula.
    static func quoted(_ cell: String) -> String {
        let safe = cell.first.map { "=+-@".contains($0) } ?? false ? "'" + cell : cell
        guard safe.contains(where: { $0 == "," || $0 == "\"" || $0 == "\n" || $0 == "\r" }) else { return safe }
        return "\"" + safe.replacing("\"", with: "\"\"") + "\""
    }
}
