import ObjectStore
import Testing

private let lengths: [Int64] = [
    .min, -1, 0, 1, 4_095, 4_096, 4_097, 16 << 20, 200 << 30, 1 << 62, .max - 1, .max,
]

@Suite struct `A plan of ranges or parts` {
    @Test(arguments: lengths, [Int64.min, 0, 1, 16 << 20, .max]) func `covers any length without a trap`(
        length: Int64, wanted: Int64
    ) {
        let download = DownloadPlan(size: length, entityTag: "", rangeSize: wanted)
        #expect(download.count <= 100_000)
        #expect(
            download.range(0).lowerBound == 0 && download.range(max(0, download.count - 1)).upperBound == max(0, length)
        )
        #expect(RangeRecord(plan: download).missing.count == download.count)
        let upload = UploadPlan(size: length, wanted: wanted)
        #expect(upload.partCount <= 10_000)
        #expect(upload.range(ofPart: 1).lowerBound == 0)
        #expect(upload.range(ofPart: max(1, upload.partCount)).upperBound == max(0, length))
    }

    @Test func `has no gap between its ranges`() {
        let download = DownloadPlan(size: 10_001, entityTag: "", rangeSize: 1_000)
        #expect(download.count == 11 && download.range(10) == 10_000..<10_001)
        for index in 1..<download.count {
            #expect(download.range(index).lowerBound == download.range(index - 1).upperBound)
        }
        let upload = UploadPlan(size: 12 << 20, wanted: 5 << 20)
        #expect(upload.partCount == 3 && upload.range(ofPart: 3) == 10 << 20..<12 << 20)
    }
}
