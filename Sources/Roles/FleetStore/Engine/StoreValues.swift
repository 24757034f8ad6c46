import JSON
import Postgres

/// The value of a parameter or column. Nil is SQL's null.
package enum StoreValue: Sendable, Hashable {
    case int(Int64?)
    case text(String?)
    case bytes([UInt8]?)

    package static func int(_ number: Int) -> StoreValue { .int(Int64(number)) }
    /// Seconds since 1970, stored as milliseconds.
    package static func time(_ seconds: Double?) -> StoreValue { .int(seconds.map(StoreTime.milliseconds)) }
    package static func flag(_ flag: Bool) -> StoreValue { .int(Int64(flag ? 1 : 0)) }
}

package enum StoreTime {
    package static func milliseconds(_ seconds: Double) -> Int64 {
        seconds.isFinite ? Int64(clamping: Int64((min(max(seconds, -1e15), 1e15) * 1000).rounded())) : 0
    }

    package static func seconds(_ milliseconds: Int64) -> Double { Double(milliseconds) / 1000 }
}

/// A row of a result. The caller knows the order and types of its columns.
package struct StoreRow: Sendable {
    enum Columns: Sendable {
        case values([StoreValue])
        case postgres(PostgresRow)
    }

    let columns: Columns

    package func int(_ index: Int) -> Int64? {
        switch columns {
        case .values(let values):
            if values.indices.contains(index), case .int(let number) = values[index] { number } else { nil }
        case .postgres(let row): row.int(index)
        }
    }

    package func text(_ index: Int) -> String? {
        switch columns {
        case .values(let values):
            if values.indices.contains(index), case .text(let text) = values[index] { text } else { nil }
        case .postgres(let row): row.text(index)
        }
    }

    package func bytes(_ index: Int) -> [UInt8]? {
        switch columns {
        case .values(let values):
            if values.indices.contains(index), case .bytes(let bytes) = values[index] { bytes } else { nil }
        case .postgres(let row): row.bytes(index)
        }
    }

    package func time(_ index: Int) -> Double? { int(index).map(StoreTime.seconds) }
    package func flag(_ index: Int) -> Bool { int(index) == 1 }
    package func json(_ index: Int) -> JSONValue? {
        text(index).flatMap { try? JSONValue.parse(Array($0.utf8), limits: .stored) }
    }
}

extension JSONLimits {
    /// For documents that this program has written.
    static let stored = JSONLimits(maxBytes: 64 << 20, maxDepth: 64, maxValues: 4_000_000)
}

/// Why a transaction failed. Nothing has changed then, except perhaps if the connection broke during the commit.
package enum StoreError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The database does not answer, or its disk is full. A later attempt may succeed.
    case unavailable(String)
    /// The database refuses a statement, or contains something that this program did not write.
    case damaged(String)
    /// Another control server needs a copy of the first one's secret.
    case refused(String)

    package var description: String {
        switch self {
        case .unavailable(let text), .damaged(let text), .refused(let text): text
        }
    }
}
