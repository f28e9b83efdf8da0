# Reads documents (one base64 line each) and tells of each, as JSON, what it became.
param($documents, $out)
$ErrorActionPreference = 'Stop'
function Tell($value, $level) {
    if ($null -eq $value) { return @{ type = 'null' } }
    $base = $value.PSObject.BaseObject
    $told = @{ type = $value.PSObject.TypeNames[0]; text = "$value" }
    if ($base -is [double] -or $base -is [single]) { $told.text = [System.Xml.XmlConvert]::ToString($base) }
    if ($base -is [string]) { $told.units = @([int[]]$base.ToCharArray()) }
    if ($base -is [char]) { $told.units = @([int]$base) }
    if ($base -is [datetime]) { $told.ticks = "$($base.ToUniversalTime().Ticks) $($base.Kind)" }
    if ($base -is [timespan]) { $told.ticks = "$($base.Ticks)" }
    if ($base -is [securestring]) { $told.secret = [System.Net.NetworkCredential]::new('', $base).Password }
    if ($level -gt 0) {
        if ($base -is [System.Collections.IDictionary]) {
            $told.entries = @(foreach ($entry in $base.GetEnumerator()) { ,@((Tell $entry.Key ($level - 1)), (Tell $entry.Value ($level - 1))) })
        } elseif ($base -is [System.Collections.IEnumerable] -and $base -isnot [string] -and $base -isnot [xml]) {
            $told.items = @(foreach ($item in $base) { ,(Tell $item ($level - 1)) })
        } elseif ($base -is [System.Management.Automation.PSCustomObject]) {
            $told.properties = [ordered]@{}
            foreach ($property in $value.PSObject.Properties) { $told.properties[$property.Name] = Tell $property.Value ($level - 1) }
        }
    }
    return $told
}
$rows = foreach ($line in [IO.File]::ReadAllLines($documents)) {
    $text = [Text.Encoding]::UTF8.GetString([Convert]::FromBase64String($line))
    try { $value = [System.Management.Automation.PSSerializer]::Deserialize($text); ConvertTo-Json -Compress -Depth 20 (Tell $value 5) }
    catch { ConvertTo-Json -Compress @{ error = "$_" } }
}
[IO.File]::WriteAllLines($out, [string[]]$rows, [Text.UTF8Encoding]::new($false, $false))
