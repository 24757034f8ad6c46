// Database: an SQLite file for the roles that store state.
//
// Purpose: commits are durable (write-ahead log, synced at each commit), and reads go on during writes. Writes that are
// queued at the same time share one transaction, so that one disk sync serves all of them. Queued reads share a
// snapshot. Must never: block the threads of Swift's cooperative pool, report a write as done before it is durable, or
// know what the tables mean.

import GRDB

/// A connection to the database. Valid only inside the closure that it is passed to.
package typealias SQLConnection = GRDB.Database

/// One step of the schema. Each step is applied once, in order. A released step is never edited.
package struct Migration: Sendable {
    package let name: String
    let apply: @Sendable (SQLConnection) throws -> Void

    package init(_ name: String, sql: String) {
        self.init(name) { try $0.execute(sql: sql) }
    }

    /// - Parameter apply: runs in one transaction.
    package init(_ name: String, apply: @escaping @Sendable (SQLConnection) throws -> Void) {
        self.name = name
        self.apply = apply
    }
}
