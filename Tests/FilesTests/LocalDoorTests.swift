import Files
import Glibc
import Testing

@Suite struct `The places at a socket of the host` {
    /// A connected pair, whose ends are both this process's own.
    private func connection() throws -> (Descriptor, Descriptor) {
        var ends: (Descriptor, Descriptor) = (-1, -1)
        let status = withUnsafeMutableBytes(of: &ends) {
            socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, $0.baseAddress?.assumingMemoryBound(to: Int32.self))
        }
        try #require(status == 0)
        return ends
    }

    @Test func `are half of them for one user at most, who has them again when they are left`() throws {
        let (end, other) = try connection()
        defer {
            close(end)
            close(other)
        }
        let door = LocalDoor(most: 5)
        let user = try #require(door.enter(end))
        #expect(user == getuid())
        #expect(door.enter(end) == user)
        #expect(door.enter(end) == nil)
        door.leave(user)
        #expect(door.enter(end) == user)
        #expect(door.enter(end) == nil)
        // One place is no reason to have none.
        #expect(LocalDoor(most: 1).enter(end) == user)
    }

    @Test func `end a write that nobody reads`() throws {
        let (end, other) = try connection()
        defer {
            close(end)
            close(other)
        }
        _ = try #require(LocalDoor(most: 2).enter(end))
        var time = timeval()
        var size = socklen_t(MemoryLayout<timeval>.size)
        try #require(getsockopt(end, SOL_SOCKET, SO_SNDTIMEO, &time, &size) == 0)
        #expect((1...60).contains(time.tv_sec))
    }

    @Test func `are for nobody where the kernel knows no user`() throws {
        let file = open("/dev/null", O_RDONLY)
        defer { close(file) }
        try #require(file >= 0)
        #expect(LocalDoor(most: 4).enter(file) == nil)
    }
}
