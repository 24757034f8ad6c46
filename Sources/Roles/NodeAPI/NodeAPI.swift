// The HTTP interface of a node: the calls of management systems on port 8191, the same operations as resources under
// /v1, metrics and health, and the file server for stored content under /dcp/.
//
// Purpose: translate requests into calls of `NodeCalls` and their results into responses, and refuse unauthorised
// clients. Must never: decide anything about a task, name a path outside the content's own directory, let a foreign web
// page use a node, or put a token or a key of the object store into a log or a reply.

import HTTPServing

/// Limits and timeouts of both servers.
@dynamicMemberLookup
package struct NodeAPILimits: Sendable {
    /// The limits of every HTTP server.
    package var http = HTTPLimits()
    /// Maximum nesting of arrays and objects in a body.
    package var jsonDepth = 32
    /// Time between two reads of a task's progress for its event subscribers.
    package var progressInterval = Duration.seconds(1)

    package init() {}

    package subscript<Value>(dynamicMember path: WritableKeyPath<HTTPLimits, Value>) -> Value {
        get { http[keyPath: path] }
        set { http[keyPath: path] = newValue }
    }
}
