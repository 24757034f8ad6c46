// The node's HTTP face: the calls of management systems on port 8191, the same operations as resources under /v1,
// metrics and health, and the file server that hands out stored content under /dcp/.
//
// What it is for: turning requests into calls of `NodeCalls` and their replies into answers, and keeping strangers out.
// What it must never do: decide anything about a task, name a path outside the content's own directory, let a page of
// some web site talk to a node, or put a token or a key of the object store into a log or a reply.

import HTTPServing

/// Limits and times of both servers, in one place.
@dynamicMemberLookup
package struct NodeAPILimits: Sendable {
    /// Those that every HTTP server has.
    package var http = HTTPLimits()
    /// How deep arrays and objects of a body may nest.
    package var jsonDepth = 32
    /// How often the progress of a task is looked at for its followers.
    package var progressInterval = Duration.seconds(1)

    package init() {}

    package subscript<Value>(dynamicMember path: WritableKeyPath<HTTPLimits, Value>) -> Value {
        get { http[keyPath: path] }
        set { http[keyPath: path] = newValue }
    }
}
