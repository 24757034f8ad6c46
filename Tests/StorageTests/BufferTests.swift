import Glibc
import Storage
import Testing

@Suite("Piece buffers") struct BufferTests {
    @Test
    func `are page-aligned, of the length asked for, and bounded together`() throws {
        let pool = PieceBufferPool(capacity: 1 << 20)
        var buffers: [PieceBuffer] = []
        while let buffer = pool.take(length: 100_001) { buffers.append(buffer) }
        #expect(buffers.count == (1 << 20) / 102_400)
        for buffer in buffers {
            #expect(buffer.count == 100_001)
            #expect(UInt(bitPattern: buffer.bytes.baseAddress) % 4096 == 0)
            buffer.bytes[100_000] = 1
        }
        let addresses = Set(buffers.map { UInt(bitPattern: $0.bytes.baseAddress) })
        #expect(addresses.count == buffers.count)
        buffers.removeLast()
        #expect(pool.take(length: 100_001) != nil)
    }

    @Test
    func `one piece always fits, however large, when nothing else is in use`() throws {
        let pool = PieceBufferPool(capacity: 1 << 20)
        let large = try #require(pool.take(length: 16 << 20))
        large.bytes[(16 << 20) - 1] = 7
        #expect(pool.take(length: 1) == nil)
        large.release()
        #expect(pool.bytesInUse == 0)
        #expect(pool.bytesIdle == 0, "what is beyond the capacity goes back to the system at once")
        #expect(pool.take(length: 1) != nil)
    }

    @Test
    func `in the default pool a piece of 16 MiB fits beside others`() throws {
        let pool = PieceBufferPool()
        let large = try #require(pool.take(length: 16 << 20))
        let small = try #require(pool.take(length: 4 << 20))
        #expect(pool.bytesInUse == 20 << 20)
        withExtendedLifetime((large, small)) {}
    }

    @Test
    func `come back once, by release or by letting go, and are used again`() throws {
        let pool = PieceBufferPool(capacity: 1 << 20)
        let first = try #require(pool.take(length: 50_000))
        let address = UInt(bitPattern: first.bytes.baseAddress)
        first.release()
        first.release()
        #expect(pool.bytesInUse == 0)
        var second = pool.take(length: 50_000)
        #expect(UInt(bitPattern: second?.bytes.baseAddress) == address)
        #expect(pool.bytesInUse == 53_248)
        second = nil
        #expect(pool.bytesInUse == 0)
        #expect(pool.bytesIdle == 53_248)
    }

    @Test
    func `idle memory of another size makes room`() throws {
        let pool = PieceBufferPool(capacity: 1 << 20)
        var buffers = (0..<16).compactMap { _ in pool.take(length: 65_536) }
        #expect(buffers.count == 16)
        buffers = []
        #expect(pool.bytesIdle == 1 << 20)
        let large = try #require(pool.take(length: 1 << 20))
        #expect(pool.bytesIdle == 0)
        withExtendedLifetime(large) {}
    }

    @Test
    func `what was not needed between two trims goes back to the system`() throws {
        let pool = PieceBufferPool(capacity: 1 << 20)
        var buffers = (0..<8).compactMap { _ in pool.take(length: 65_536) }
        buffers = []
        pool.trim()
        #expect(pool.bytesIdle == 8 * 65_536, "all of it was in use since the last time")
        buffers = (0..<2).compactMap { _ in pool.take(length: 65_536) }
        buffers = []
        pool.trim()
        #expect(pool.bytesIdle == 2 * 65_536)
        pool.trim()
        #expect(pool.bytesIdle == 0)
        withExtendedLifetime(buffers) {}
    }

    @Test
    func `nonsense lengths get none`() {
        let pool = PieceBufferPool()
        for length in [0, -1, .min, .max, 1 << 60] { #expect(pool.take(length: length) == nil) }
        #expect(pool.bytesInUse == 0)
        #expect(pool.take(length: 1) != nil)
    }

    @Test
    func `many threads share a pool without two getting the same memory`() {
        let pool = PieceBufferPool(capacity: 64 * 4096)
        Parallelism.threads(4).perform(4) { worker in
            for round in 0..<2000 {
                guard let buffer = pool.take(length: 4096 * (1 + round % 3)) else { continue }
                buffer.bytes[0] = UInt8(worker)
                buffer.bytes[4095] = UInt8(worker)
                if buffer.bytes[0] != UInt8(worker) || buffer.bytes[4095] != UInt8(worker) {
                    Issue.record("shared memory")
                }
                if round % 100 == 0 { pool.trim() }
            }
        }
        #expect(pool.bytesInUse == 0)
        #expect(pool.bytesIdle <= pool.capacity)
    }
}
