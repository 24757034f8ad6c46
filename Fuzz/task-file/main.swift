// sources: Text Address Bencode Hashing Metainfo JSON Settings Policy BFT
// max_len: 8192
//
// Task files, as other nodes and management systems write them. Holds for every input: it is refused, or it is a task
// whose names are safe, whose sizes add up without overflow, and which reads the same after it was written; its sums and
// its split can be asked for, and no place that is made of it lies outside the node's own directories.

import BFT
import Bencode
import Hashing
import Metainfo
import Policy

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ data: UnsafePointer<UInt8>, _ size: Int) -> CInt {
    // libFuzzer owns the memory and lends it for this call.
    let bytes = [UInt8](UnsafeBufferPointer(start: data, count: size))
    guard let task = try? TaskFile.parse(bytes) else { return 0 }
    precondition(!task.name.isEmpty && !task.name.hasPrefix(".") && !task.name.utf8.contains(0x2f))
    for entry in task.fileList {
        precondition(entry.size >= 0 && entry.hash.utf8.count == 40)
        for component in entry.file.split(separator: "/", omittingEmptySubsequences: false) {
            precondition(!component.isEmpty && component != "." && component != ".." && !component.utf8.contains(0))
        }
    }
    precondition(task.totalSize >= 0)
    _ = task.imbalance()
    _ = task.remainingFiles()
    _ = task.usedMethods
    var configuration = NodeConfiguration(role: .receiver)
    for role in [NodeRole.receiver, .sender, .cacher] {
        configuration = NodeConfiguration(role: role)
        let paths = NodePaths(configuration)
        for path in [paths.staging(task.subdirectory, task.name), paths.stored(task.subdirectory, task.name)]
            .compactMap(\.self)
        {
            precondition(path.hasPrefix("/data/") && !path.contains("/../") && !path.contains("/./"))
        }
        _ = DeliveryPlan(task: task, configuration: configuration)
        _ = SendPlan(task: task, configuration: configuration)
    }
    // Written strictly, it reads as what it was.
    guard let again = try? TaskFile.parse(task.encode()) else { preconditionFailure("it does not come back") }
    precondition(again.encode() == task.encode(), "it comes back as another")
    return 0
}
