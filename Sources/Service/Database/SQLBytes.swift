import GRDB

// GRDB represents BLOB columns as Foundation's `Data`. Only this file uses it.
import struct Foundation.Data

/// The bytes of a BLOB column or parameter.
package struct SQLBytes: Hashable, Sendable {
    package let bytes: [UInt8]

    package init(_ bytes: [UInt8]) { self.bytes = bytes }
}

extension SQLBytes: DatabaseValueConvertible, StatementColumnConvertible {
    package var databaseValue: DatabaseValue { Data(bytes).databaseValue }

    package static func fromDatabaseValue(_ value: DatabaseValue) -> SQLBytes? {
        Data.fromDatabaseValue(value).map { SQLBytes(Array($0)) }
    }

    package init(sqliteStatement: SQLiteStatement, index: CInt) {
        bytes = Array(Data(sqliteStatement: sqliteStatement, index: index))
    }
}
