import Files
import Glibc
import Testing
import Threads

@Suite(.timeLimit(.minutes(1))) struct `A small file` {
    @Test func `is read whole within its limit, and refused beyond it`() throws {
        let place = try Place()
        let file = try name("file")
        for size in [0, 1, 4095, 4096, 4097, 200_000] {
            let bytes = (0..<size).map { UInt8(truncatingIfNeeded: $0) }
            try place.files.write("file", bytes)
            let read = try place.directory.read(file, limit: size)
            #expect(read.bytes == bytes && read.status.size == Int64(size))
            #expect(try place.directory.read(file, limit: .max).bytes == bytes)
            if size > 0 {
                #expect(
                    errorNumber { () throws(SystemError) in _ = try place.directory.read(file, limit: size - 1) }
                        == EFBIG)
            }
        }
    }

    @Test func `of the kernel, which has no size, is read too`() throws {
        let bytes = try SystemFileLayer().readSmallFile(SystemPath("/proc/self/stat"), limit: 1 << 20).bytes
        #expect(bytes.starts(with: Array("\(getpid()) ".utf8)))
        let maps = SystemPath("/proc/self/maps")
        #expect(try SystemFileLayer().readSmallFile(maps, limit: 64 << 20).bytes.last == 0x0a)
        #expect(
            errorNumber { () throws(SystemError) in _ = try SystemFileLayer().readSmallFile(maps, limit: 10) } == EFBIG)
    }

    @Test func `is no FIFO and no directory, and neither is waited for`() throws {
        let place = try Place()
        try place.makeFIFO("fifo")
        _ = try place.files.directory("tree")
        for entry in ["fifo", "tree"] {
            let entry = try name(entry)
            #expect(errorNumber { () throws(SystemError) in _ = try place.directory.read(entry, limit: 100) } == EINVAL)
        }
        // Nobody reads: opening it for writing fails at once.
        let fifo = try name("fifo")
        #expect(errorNumber { () throws(SystemError) in _ = try place.directory.open(fifo, .writeOnly) } == ENXIO)
    }
}

@Suite(.timeLimit(.minutes(1))) struct `A stream` {
    @Test func `that nobody writes to is empty`() throws {
        let place = try Place()
        try place.makeFIFO("fifo")
        #expect(try HeldFile(place.path("fifo")).readStream(limit: 100).isEmpty)
    }

    @Test func `is read until its other end is closed`() throws {
        let place = try Place()
        try place.makeFIFO("fifo")
        let path = place.files.path("fifo")
        let reader = try HeldFile(place.path("fifo"))
        let writer = open(path, O_WRONLY | O_CLOEXEC)
        #expect(writer >= 0)
        let text = [UInt8](repeating: 7, count: 300_000)
        let thread = try #require(
            Threads.start {
                var done = 0
                while done < text.count {
                    let count = text[done...].withUnsafeBytes { write(writer, $0.baseAddress, min($0.count, 10_000)) }
                    if count <= 0 { break }
                    done += count
                }
                close(writer)
            })
        #expect(try reader.readStream(limit: 300_000) == text)
        pthread_join(thread, nil)
    }

    @Test func `has its bound`() throws {
        #expect(
            errorNumber { () throws(SystemError) in
                _ = try HeldFile(SystemPath("/dev/zero")).readStream(limit: 100_000)
            } == EFBIG)
    }
}

@Suite struct `A system call` {
    @Test func `is made again after a signal`() throws {
        var calls = 0
        let value = try SystemCall.retrying {
            calls += 1
            errno = EINTR
            return calls < 4 ? -1 : 5
        }
        #expect(value == 5 && calls == 4)
        #expect(
            errorNumber { () throws(SystemError) in
                try SystemCall.retrying { () -> Int in
                    errno = EBADF
                    return -1
                }
            } == EBADF)
    }

    @Test func `moves all bytes, however few each time`() throws {
        var offsets: [Int] = []
        let moved = try SystemCall.whole(10) { done in
            offsets.append(done)
            errno = EINTR
            return offsets.count == 2 ? -1 : min(3, 10 - done)
        }
        #expect(moved == 10 && offsets == [0, 3, 3, 6, 9])
        #expect(try SystemCall.whole(10) { $0 < 4 ? 4 : 0 } == 4)
    }
}

@Suite struct `A path` {
    @Test(arguments: [("a/b", "a", "b"), ("/b", "/", "b"), ("b", ".", "b"), ("/a/b", "/a", "b"), ("//b", "/", "b")])
    func `has a directory and a name`(path: String, directory: String, last: String) throws {
        let (above, name) = try SystemPath(path).split()
        #expect(name.text == last)
        #expect(above.text == directory)
    }

    @Test func `without a name is refused`() {
        for (path, number) in [
            ("", ENOENT), ("a/", EISDIR), ("..", EISDIR), ("a/.", EISDIR),
            (String(repeating: "x", count: 256), ENAMETOOLONG),
        ] {
            #expect(errorNumber { () throws(SystemError) in _ = try SystemPath(path).split() } == number)
        }
    }

    @Test func `with a NUL in it names nothing`() {
        #expect(
            errorNumber { () throws(SystemError) in _ = try HeldFile(SystemPath("/tmp\0x"), .followSymlink) } == ENOENT)
        #expect(FileName("a\0b") == nil && FileName("a/b") == nil && FileName("..") == nil && FileName("") == nil)
    }
}

@Suite struct `A stamp` {
    @Test(arguments: [0, 1, -1, 1_999_999_999, -1_500_000_000, .max, .min + 2_000_000_000] as [Int64])
    func `keeps its time as seconds and nanoseconds`(modified: Int64) {
        let stamp = DeviceStamp(size: 1, modified: modified, inode: 2, device: 3)
        #expect((0..<1_000_000_000).contains(stamp.nanoseconds))
        #expect(
            DeviceStamp(device: 3, inode: 2, size: 1, seconds: stamp.seconds, nanoseconds: stamp.nanoseconds) == stamp)
    }

    @Test func `of a time that cannot be counted in nanoseconds is the largest`() {
        #expect(DeviceStamp(device: 0, inode: 0, size: 0, seconds: .max, nanoseconds: 0).modified == .max)
    }
}
