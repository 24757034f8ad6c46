// Database: SQLite as the roles use it.
//
// Purpose: one file that is written durably and read meanwhile. Writes that wait at the same time share one transaction, so that
// one sync of the disk serves all of them; reads share a snapshot. Must never: block the threads of Swift's cooperative pool, say
// that something is written before it is durable, or know what the tables are about.

import GRDB

/// A connection, for as long as a closure has it.
package typealias SQLConnection = GRDB.Database

/// A step of the schema. Steps are applied once each, in order; a step that was released never changes.
package struct Migration: Sendable {
    package let name: String
    let apply: @Sendable (SQLConnection) throws -> Void

    package init(_ name: String, sql: String) {
        self.init(name) { try $0.execute(sql: sql) }
    }

    /// - Parameter apply: in one transaction.
    package init(_ name: String, apply: @escaping @Sendable (SQLConnection) throws -> Void) {
        self.name = name
        self.apply = apply
    }
}
