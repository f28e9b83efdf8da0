param($path, $params, $options)
# nothing here shows in the script: the variables are private, and what it reads is its own
foreach ($name in 'path', 'params', 'options', 'name', 'type', 'libc', 'out', 'tokens', 'errors', 'run') {
    Set-Variable -Name $name -Option Private -Value (Get-Variable -Name $name -ValueOnly -ErrorAction Ignore)
}
if (-not $options.ready) {
    # the protocol keeps copies of its own of 0, 1 and 2: from here on the job's pipes are 1 and 2 to everybody
    $type = [System.Reflection.Emit.AssemblyBuilder]::DefineDynamicAssembly([System.Reflection.AssemblyName]::new('jobdeck.native'), 'Run').DefineDynamicModule('m').DefineType('Libc', 'Public,Class')
    $null = $type.DefinePInvokeMethod('dup2', 'libc', 'Public,Static,PinvokeImpl', 'Standard', [int], @([int], [int]), 'Winapi', 'Ansi')
    $libc = $type.CreateType(); $null = $libc::dup2(3, 1); $null = $libc::dup2(4, 2)
    $out = [IO.StreamWriter]::new([Console]::OpenStandardOutput(), [Text.UTF8Encoding]::new($false), 256); $out.AutoFlush = $true; [Console]::SetOut($out)
    $out = [IO.StreamWriter]::new([Console]::OpenStandardError(), [Text.UTF8Encoding]::new($false), 256); $out.AutoFlush = $true; [Console]::SetError($out)
}
foreach ($name in $options.unset) { [Environment]::SetEnvironmentVariable($name, $null) }
foreach ($name in $options.set.Keys) { [Environment]::SetEnvironmentVariable($name, $options.set[$name]) }
[Environment]::CurrentDirectory = $options.directory
Set-Location -LiteralPath $options.directory
foreach ($name in $options.variables.Keys) { Set-Variable -Name $name -Value $options.variables[$name] -Scope Global }
foreach ($name in $options.clixml.Keys) { $params[$name] = [System.Management.Automation.PSSerializer]::Deserialize($options.clixml[$name]) }
foreach ($name in $options.modules) { Import-Module -Name $name -Global -ErrorAction Stop }
if ($options.startup) { . $options.startup }
foreach ($name in $options.preferences.Keys) { Set-Variable -Name "${name}Preference" -Value $options.preferences[$name] -Scope Global }
$tokens = $errors = $null
if ($options.copy) { $run = [System.Management.Automation.Language.Parser]::ParseInput([IO.File]::ReadAllText($options.copy), $path, [ref]$tokens, [ref]$errors) }
else { $run = $path; $null = [System.Management.Automation.Language.Parser]::ParseFile($path, [ref]$tokens, [ref]$errors) }
if ($errors.Count) { throw [System.Management.Automation.ParseException]::new($errors) }
if ($options.copy) { $run = $run.GetScriptBlock() }
& $run @params | & {
    param($depth, $discard)
    begin { $format = $null; $serializer = [System.Management.Automation.PSSerializer] }
    process {
        $value = $_
        if ($value -is [string] -and ($value -isnot [psobject] -or $discard -or $null -ne $value.psobject.Properties['PSProvider'] -or -not $value.psobject.Properties.Match('*', 'NoteProperty').Count)) {
            if ($null -ne $format) { "`u{3}" + $value; $format.Process($value) }
            elseif ($value.Length -and $value[0] -lt [char]5) { "`u{4}" + $value }
            else { [string]$value }
            return
        }
        if (-not $discard -and ($null -eq $value -or $value.GetType().Namespace -ne 'Microsoft.PowerShell.Commands.Internal.Format')) {
            "`u{2}" + $serializer::Serialize($value, $depth)
        }
        if ($null -eq $format) { $format = { Out-Default }.GetSteppablePipeline($MyInvocation.CommandOrigin); $format.Begin($true) }
        $format.Process($value)
    }
    clean { if ($null -ne $format) { $format.End() } }
} $options.depth $options.discard
if (-not $?) { $Host.SetShouldExit($LASTEXITCODE) }
