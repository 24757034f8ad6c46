import Glibc
import Metainfo
import Storage
import Testing

@Suite("Many small files") struct ManyFiles {
    /// Seconds of this thread.
    private static func time(_ body: () throws -> Void) rethrows -> Double {
        func now() -> Double {
            var time = timespec()
            clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
            return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
        }
        let begin = now()
        try body()
        return now() - begin
    }

    @Test(arguments: [Info.Version.v1, .v2])
    func `a download's whole life takes a time that grows with its files`(version: Info.Version) throws {
        func live(_ count: Int) throws -> Double {
            let files = (0..<count).map { ("d\($0 % 31)/f\($0)", $0 % 4 == 0 ? 0 : 30) }
            let sample = try Sample.directory(files, version: version)
            let disk = try Disk(.real)
            return try Self.time {
                let first = try disk.download(sample)
                guard case .incomplete(let files, var have) = try first.prepare(hashes: sample.hashes) else { return }
                for index in 0..<sample.pieces.count / 2 {
                    try files.write(sample, index)
                    have.insert(index)
                }
                try first.checkpoint(have)
                first.close()
                // Half of it is there.
                try DownloadTests.get(sample, disk.download(sample))
                // All of it is there.
                try DownloadTests.get(sample, disk.download(sample))
                // Into a directory that has some of it.
                let selection = FileSelection(sample.layout, indices: Set(0..<count / 2))
                let record = ResumeRecord(hashes: sample.info.hashes, pieces: have, selection: selection)
                #expect(try ResumeRecord.decode(record.encode()) == record)
            }
        }
        _ = try live(200)
        let few = try live(1_000)
        let many = try live(4_000)
        #expect(many < 9 * few + 0.3)
    }
}
