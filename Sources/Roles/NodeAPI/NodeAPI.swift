// The node's HTTP face: the calls of management systems on port 8191, the same operations as resources under /v1,
// metrics and health, and the file server that hands out stored content under /dcp/.
//
// What it is for: turning requests into calls of `NodeCalls` and their replies into answers, and keeping strangers out.
// What it must never do: decide anything about a task, name a path outside the content's own directory, let a page of
// some web site talk to a node, or put a token or a key of the object store into a log or a reply.

/// Limits and times of both servers, in one place.
public struct NodeAPILimits: Sendable {
    /// Longest body of a request, in bytes: a call is a few hundred.
    public var bodyBytes = 1 << 20
    /// How deep arrays and objects of a body may nest.
    public var jsonDepth = 32
    /// How long the body of a request may take to arrive.
    public var bodyTime = Duration.seconds(20)
    /// How long a connection may be silent between requests.
    public var keepAlive = Duration.seconds(60)
    /// How long a connection may be without a byte either way while an answer is under way.
    public var stall = Duration.seconds(180)
    /// How long the head of a request may take, from the connection or from its first byte after the answer before; also
    /// what is left of a request that has been answered.
    public var headTime = Duration.seconds(10)
    /// Most header bytes of a request.
    public var headerBytes = 32 << 10
    /// How often the progress of a task is looked at for its followers.
    public var progressInterval = Duration.seconds(1)
    /// After how long without news a follower is sent a comment, so that it knows the connection lives.
    public var followerSilence = Duration.seconds(15)
    /// Most followers of progress at a time.
    public var followers = 200
    /// How long a stop waits for answers under way.
    public var stopTime = Duration.seconds(2)
    /// Bytes of a file that are read and sent at a time.
    public var fileChunk = 256 << 10
    /// The same where the budget for bytes that wait to be sent is used up: slow readers hold no more than that each.
    public var smallFileChunk = 16 << 10

    public init() {}
}
