/// Checks that no path occurs twice and no file is also a directory. `O(n log n)`, or `O(n)` for sorted paths.
enum PathSetCheck {
    static func check(_ files: [ContentLayout.Unplaced]) throws(MetainfoError) {
        // Padding is never written, so its names are ignored.
        var paths: [SafePath] = []
        paths.reserveCapacity(files.count)
        var isSorted = true
        for file in files where !file.isPadding {
            if isSorted, let last = paths.last, !(last < file.path) { isSorted = false }
            paths.append(file.path)
        }
        if !isSorted { paths.sort() }
        // Sorted by components, a path comes directly before the paths below it, so comparing neighbours is enough.
        for index in paths.indices.dropFirst() {
            if paths[index - 1] == paths[index] { throw .duplicatePath(paths[index].display) }
            if paths[index - 1].isDirectory(of: paths[index]) { throw .fileIsDirectory(paths[index - 1].display) }
        }
    }
}
