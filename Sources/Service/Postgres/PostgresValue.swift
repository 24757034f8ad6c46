import CPQ

/// A parameter of a statement. Nil is SQL's null.
package enum PostgresValue: Sendable {
    case int(Int64?)
    case text(String?)
    case bytes([UInt8]?)

    /// The OID of its type in the catalogue `pg_type`.
    var type: Oid {
        switch self {
        case .int: 20
        case .text: 25
        case .bytes: 17
        }
    }

    /// The bytes that are sent; text ends with a zero byte. Nil for null.
    var sent: [UInt8]? {
        switch self {
        case .int(let number): number.map { Array("\($0)".utf8) + [0] }
        case .text(let text): text.map { Array($0.utf8) + [0] }
        case .bytes(let bytes): bytes
        }
    }

    var isBinary: Bool { if case .bytes = self { true } else { false } }
}

/// A row of a result.
package struct PostgresRow: Sendable {
    let columns: [[UInt8]?]

    private func column(_ index: Int) -> [UInt8]? { columns.indices.contains(index) ? columns[index] : nil }

    package func bytes(_ index: Int) -> [UInt8]? { column(index) }
    package func text(_ index: Int) -> String? { column(index).map { String(decoding: $0, as: UTF8.self) } }

    /// An integer of 2, 4 or 8 bytes in binary form.
    package func int(_ index: Int) -> Int64? {
        guard let bytes = column(index), let first = bytes.first, bytes.count <= 8 else { return nil }
        return bytes.dropFirst().reduce(Int64(Int8(bitPattern: first))) { $0 << 8 | Int64($1) }
    }
}
