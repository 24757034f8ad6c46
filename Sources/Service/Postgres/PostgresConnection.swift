import CPQ

/// One connection, for as long as a closure has it. Blocks.
package final class PostgresConnection {
    private let handle: OpaquePointer
    /// The names of statements that this connection has prepared.
    private var prepared: [String: String] = [:]

    /// - Parameter url: `postgresql://…`, or what else libpq takes for a connection.
    init(_ url: String) throws(PostgresError) {
        if let problem = cpq_problem() { throw .unavailable(String(cString: problem)) }
        let keys = ["dbname", "connect_timeout", "tcp_user_timeout", "application_name"]
        let values = [url, "5", "10000", "swoop"]
        let connection = Self.withStrings(keys) { keys in
            Self.withStrings(values) { values in PQconnectdbParams(keys, values, 1) }
        }
        guard let connection else { throw .unavailable("no memory for a connection") }
        handle = connection
        guard PQstatus(handle) == CONNECTION_OK else { throw .unavailable(lastMessage) }
        PQsetNoticeProcessor(handle, { _, _ in }, nil)
        // Whatever the server is set to, a commit is durable when it is said.
        try query(
            """
            SELECT set_config('synchronous_commit', 'on', false)
            WHERE current_setting('synchronous_commit') IN ('off', 'local')
            """)
    }

    deinit { PQfinish(handle) }

    var isUsable: Bool { PQstatus(handle) == CONNECTION_OK && PQtransactionStatus(handle) == PQTRANS_IDLE }

    /// Runs a statement. Its text is part of the program; what varies is a parameter.
    @discardableResult
    package func query(_ sql: StaticString, _ values: [PostgresValue] = []) throws(PostgresError) -> [PostgresRow] {
        let name = try prepare(sql, values)
        let result = Self.withSent(values) { pointers, lengths, formats in
            PQexecPrepared(handle, name, Int32(values.count), pointers, lengths, formats, 1)
        }
        defer { PQclear(result) }
        try check(result)
        return Self.rows(result)
    }

    /// Runs statements without parameters, for a schema.
    package func run(script: StaticString) throws(PostgresError) {
        let result = PQexec(handle, script.description)
        defer { PQclear(result) }
        try check(result)
    }

    /// Runs `body` in a transaction, which is undone when it throws.
    package func transaction<R>(_ body: () throws(PostgresError) -> R) throws(PostgresError) -> R {
        try run(script: "BEGIN")
        let value: R
        do { value = try body() } catch {
            try? run(script: "ROLLBACK")
            throw error
        }
        try run(script: "COMMIT")
        return value
    }

    // MARK: Parts

    private var lastMessage: String {
        let text = String(cString: PQerrorMessage(handle))
        return text.split(separator: "\n").first.map(String.init) ?? "no reason given"
    }

    private func prepare(_ sql: StaticString, _ values: [PostgresValue]) throws(PostgresError) -> String {
        let text = sql.description
        if let name = prepared[text] { return name }
        let name = "s\(prepared.count)"
        let types = values.map(\.type)
        let result = PQprepare(handle, name, text, Int32(types.count), types)
        defer { PQclear(result) }
        try check(result)
        prepared[text] = name
        return name
    }

    private func check(_ result: OpaquePointer?) throws(PostgresError) {
        switch PQresultStatus(result) {
        case PGRES_COMMAND_OK, PGRES_TUPLES_OK: return
        default: break
        }
        guard PQstatus(handle) == CONNECTION_OK, let result else { throw .unavailable(lastMessage) }
        let state = PQresultErrorField(result, Int32(UInt8(ascii: "C"))).map { String(cString: $0) } ?? ""
        switch state {
        case "40001", "40P01": throw .conflict(lastMessage)
        // No room, too many connections, the server is being stopped.
        case let state where state.hasPrefix("53") || state.hasPrefix("57") || state.hasPrefix("08"):
            throw .unavailable(lastMessage)
        default: throw .refused(state: state, lastMessage)
        }
    }

    private static func rows(_ result: OpaquePointer?) -> [PostgresRow] {
        (0..<PQntuples(result)).map { row in
            PostgresRow(
                columns: (0..<PQnfields(result)).map { column in
                    guard PQgetisnull(result, row, column) == 0, let value = PQgetvalue(result, row, column) else {
                        return nil
                    }
                    return Array(UnsafeRawBufferPointer(start: value, count: Int(PQgetlength(result, row, column))))
                })
        }
    }

    /// Calls `body` with the values as libpq wants them, which are valid during the call.
    private static func withSent<R>(
        _ values: [PostgresValue],
        _ body: (UnsafePointer<UnsafePointer<CChar>?>?, UnsafePointer<Int32>?, UnsafePointer<Int32>?) -> R
    ) -> R {
        let sent = values.map(\.sent)
        let lengths = sent.map { Int32(clamping: $0?.count ?? 0) }
        let formats = values.map { Int32($0.isBinary ? 1 : 0) }
        // All bytes in one buffer, which does not move. An empty value is no null: it needs an address too.
        var buffer: [UInt8] = []
        var offsets: [Int?] = []
        for value in sent {
            offsets.append(value == nil ? nil : buffer.count)
            buffer += value ?? []
        }
        buffer.append(0)
        return buffer.withUnsafeBufferPointer { bytes in
            bytes.withMemoryRebound(to: CChar.self) { chars in
                let pointers = offsets.map { offset in offset.flatMap { chars.baseAddress?.advanced(by: $0) } }
                return body(pointers, lengths, formats)
            }
        }
    }

    private static func withStrings<R>(
        _ texts: [String], _ body: (UnsafePointer<UnsafePointer<CChar>?>) -> R
    ) -> R {
        var buffer: [CChar] = []
        var offsets: [Int] = []
        for text in texts {
            offsets.append(buffer.count)
            buffer += Array(text.utf8CString)
        }
        return buffer.withUnsafeBufferPointer { chars in
            body(offsets.map { chars.baseAddress?.advanced(by: $0) } + [nil])
        }
    }
}
