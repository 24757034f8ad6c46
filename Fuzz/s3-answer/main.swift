// sources: Text S3/Text S3/Answers
// max_len: 20000
//
// Everything an object store can answer in XML. The first byte of the input chooses what it is taken for. Holds for every
// input: what was understood keeps to the limits, and what is shown to people is visible ASCII.

import S3

private func check(_ text: String) {
    precondition(text.utf8.count <= 3 * S3Limits().textBytes)
}

private func isVisible(_ text: String) -> Bool { text.utf8.allSatisfy { (0x20...0x7e).contains($0) } }

private func check(_ failure: S3Failure) {
    precondition(failure.code.utf8.count <= 64 && failure.message.utf8.count <= 200 && failure.region.utf8.count <= 64)
    precondition(isVisible(failure.code) && isVisible(failure.message) && isVisible(failure.region))
}

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ data: UnsafePointer<UInt8>, _ size: Int) -> CInt {
    // libFuzzer owns the memory and lends it for this call.
    let input = [UInt8](UnsafeBufferPointer(start: data, count: size))
    guard let kind = input.first else { return 0 }
    let bytes = Array(input.dropFirst())
    switch kind % 6 {
    case 0:
        guard let page = try? S3ObjectPage(bytes) else { break }
        for object in page.objects {
            precondition(object.size >= 0 && !object.key.isEmpty)
            check(object.key)
            check(object.entityTag)
        }
    case 1:
        guard let page = try? S3PartPage(bytes) else { break }
        for part in page.parts { precondition((1...10_000).contains(part.number) && (part.size ?? -1) >= 0) }
        precondition((0...10_000).contains(page.next ?? 0))
    case 2:
        guard let page = try? S3UploadPage(bytes) else { break }
        for upload in page.uploads {
            precondition(!upload.id.isEmpty)
            check(upload.id)
        }
    case 3:
        guard let start = try? S3UploadStart(bytes) else { break }
        precondition(!start.upload.isEmpty)
    case 4:
        if case .failed(let failure)? = try? S3UploadEnd(bytes) { check(failure) }
    default:
        if let failure = S3Failure(bytes) { check(failure) }
    }
    return 0
}
