# Serializes what each line says, at several depths: the line, a tab, the document as base64.
param($lines, $out)
$ErrorActionPreference = 'Stop'
$all = foreach ($line in [IO.File]::ReadAllLines($lines)) {
    foreach ($depth in $(if ($line -match 'Get-Command|Get-Process|\[type\]|Encoding') { 1, 2 } else { 1, 2, 4 })) {
        $value = & ([scriptblock]::Create($line))
        try { $text = [System.Management.Automation.PSSerializer]::Serialize($value, $depth) } catch { $text = '' }
        "$line`t" + [Convert]::ToBase64String([Text.Encoding]::UTF8.GetBytes($text))
    }
}
[IO.File]::WriteAllLines($out, [string[]]$all)
