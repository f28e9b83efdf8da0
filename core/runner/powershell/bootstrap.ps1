param($path, $params, $options)
# nothing of this shows in the script: these are private to us, and all else happens in scopes that end
$ExecutionContext.SessionState.PSVariable.Get('path').Options = 'Private'
$ExecutionContext.SessionState.PSVariable.Get('params').Options = 'Private'
$ExecutionContext.SessionState.PSVariable.Get('options').Options = 'Private'
& {
    param($path, $params, $options, $global, $block)
    if (-not $options.ready) {
        # the protocol keeps copies of its own of 0, 1 and 2: from here on they are the job's to everybody
        $type = [System.Reflection.Emit.AssemblyBuilder]::DefineDynamicAssembly([System.Reflection.AssemblyName]::new('jobdeck.native'), 'Run').DefineDynamicModule('m').DefineType('Libc', 'Public,Class')
        $null = $type.DefinePInvokeMethod('dup2', 'libc', 'Public,Static,PinvokeImpl', 'Standard', [int], @([int], [int]), 'Winapi', 'Ansi')
        $null = $type.DefinePInvokeMethod('close', 'libc', 'Public,Static,PinvokeImpl', 'Standard', [int], @(, [int]), 'Winapi', 'Ansi')
        $libc = $type.CreateType(); $null = $libc::dup2(3, 1); $null = $libc::dup2(4, 2); $null = $libc::dup2(5, 0)
        # no child is to hold them open a second time
        $null = $libc::close(3); $null = $libc::close(4)
        if (-not $options.warming) { $null = $libc::close(5) }
        [AppDomain]::CurrentDomain.SetData('jobdeck.libc', $libc)
        # a server of the protocol takes what is read from the console for empty; from a terminal it had better be: nobody
        # would see that it is asked
        if ($options.piped) { [Console]::SetIn([IO.StreamReader]::new([Console]::OpenStandardInput(), [Text.UTF8Encoding]::new($false), $false, 256)) }
        $out = [IO.StreamWriter]::new([Console]::OpenStandardOutput(), [Text.UTF8Encoding]::new($false), 256); $out.AutoFlush = $true; [Console]::SetOut($out)
        $out = [IO.StreamWriter]::new([Console]::OpenStandardError(), [Text.UTF8Encoding]::new($false), 256); $out.AutoFlush = $true; [Console]::SetError($out)
        # nobody is there to debug: what stops for that (Break, Wait-Debugger, breakpoints) goes on at once
        [runspace]::DefaultRunspace.Debugger.add_DebuggerStop({ param($from, $stop) $stop.ResumeAction = [System.Management.Automation.DebuggerResumeAction]::Continue })
        # the pipelines that come after this one run the same block, as it is compiled by then
        if ($options.warming) { [AppDomain]::CurrentDomain.SetData('jobdeck.run', $block) }
    }
    if ($options.noinput) {
        $libc = [AppDomain]::CurrentDomain.GetData('jobdeck.libc')
        $nothing = [IO.File]::OpenHandle('/dev/null')
        $null = $libc::dup2([int]$nothing.DangerousGetHandle(), 0)
        $nothing.Dispose()
    }
    if ($options.tidy) {
        # the end of the warm-up: standard input is the terminal again
        $libc = [AppDomain]::CurrentDomain.GetData('jobdeck.libc')
        $null = $libc::dup2(5, 0); $null = $libc::close(5)
    }
    foreach ($name in $options.unset) { [Environment]::SetEnvironmentVariable($name, [NullString]::Value) }
    foreach ($entry in $options.set.GetEnumerator()) { [Environment]::SetEnvironmentVariable($entry.Key, $entry.Value) }
    # as PowerShell does when it starts: "pwsh" is this one
    if ($options.set.PATH -and $options.set.PATH.Split(':') -cnotcontains $PSHOME) { [Environment]::SetEnvironmentVariable('PATH', $PSHOME + ':' + $options.set.PATH) }
    [Environment]::CurrentDirectory = $options.directory
    $null = $ExecutionContext.SessionState.Path.SetLocation([System.Management.Automation.WildcardPattern]::Escape($options.directory))
    # "cd -" is to find nothing of where we came from
    $history = $ExecutionContext.SessionState
    foreach ($name in '_sessionState', '_setLocationHistory', '_boundedUndoStack') { if ($null -ne $history) { $history = $history.GetType().GetField($name, 'NonPublic,Instance')?.GetValue($history) } }
    if ($null -ne $history) { $history.Clear() }
    foreach ($entry in $options.variables.GetEnumerator()) { $global.Set('global:UA' + $entry.Key, $entry.Value); $global.Set('global:PSU' + $entry.Key, $entry.Value) }
    foreach ($entry in $options.clixml.GetEnumerator()) { $params[$entry.Key] = [System.Management.Automation.PSSerializer]::Deserialize($entry.Value) }
    foreach ($entry in $options.secret.GetEnumerator()) {
        $word = [System.Net.NetworkCredential]::new('', $entry.Value[0]).SecurePassword
        $params[$entry.Key] = if ($entry.Value.Count -gt 1) { [pscredential]::new($entry.Value[1], $word) } else { $word }
    }
    foreach ($name in $options.modules) { Import-Module -Name $name -Global -ErrorAction Stop }
} $path $params $options $ExecutionContext.SessionState.PSVariable $MyInvocation.MyCommand.ScriptBlock
if ($options.startup) { . $options.startup }
$options.run = & {
    param($path, $options, $global)
    foreach ($entry in $options.preferences.GetEnumerator()) { $global.Set('global:' + $entry.Key + 'Preference', $entry.Value) }
    $tokens = $errors = $null
    if ($options.copy) { $run = [System.Management.Automation.Language.Parser]::ParseInput([IO.File]::ReadAllText($options.copy), $path, [ref]$tokens, [ref]$errors) }
    else { $run = [System.Management.Automation.Language.Parser]::ParseFile($path, [ref]$tokens, [ref]$errors) }
    if ($errors.Count) { throw [System.Management.Automation.ParseException]::new($errors) }
    # as with pwsh -File, what is piped in are the lines of $input; a script that asks for none may read them itself
    $options.feed = $options.piped -and ($null -ne $run.ProcessBlock -or $null -ne $run.Find({ param($node) $node -is [System.Management.Automation.Language.VariableExpressionAst] -and $node.VariablePath.UserPath -eq 'input' }, $false))
    if ($options.copy) { $run.GetScriptBlock() } else { $path }
} $path $options $ExecutionContext.SessionState.PSVariable
$options.show = {
    param($depth, $discard, $options)
    begin {
        $format = $null
        # a method called from here gets the bare value, without the members that were added to a string or a number;
        # one that takes a PSObject gets all of it
        $serialize = [System.Management.Automation.PSSerializer].GetMethod('Serialize', [type[]]([object], [int])).CreateDelegate([Func[psobject, int, string]])
        # where a PSObject keeps what a string bears besides its text: cheap enough to look at for every line. A PowerShell
        # that keeps it elsewhere has every string serialized, which is slower
        $get = [System.Reflection.FieldInfo].GetMethod('GetValue', [type[]]@(, [object]))
        $members, $types = foreach ($name in '_instanceMembers', '_typeNames') {
            $field = [psobject].GetField($name, 'NonPublic,Instance')
            if ($null -ne $field) { $get.CreateDelegate([Func[psobject, object]], $field) }
        }
    }
    process {
        $value = $_
        $text = $value -is [string]
        # some cmdlets leave the names of its types with a string as they were
        if ($text -and ($discard -or ($null -ne $types -and $null -eq $members.Invoke($value) -and ($null -eq $types.Invoke($value) -or ($value.pstypenames -join ' ') -ceq 'System.String System.Object')))) {
            if ($null -ne $format) { "`u{3}" + $value; $format.Process($value) }
            elseif ($value.Length -and $value[0] -lt [char]7) { "`u{4}" + $value }
            else { [string]$value }
            return
        }
        if (-not $discard -and ($null -eq $value -or $value.GetType().Namespace -ne 'Microsoft.PowerShell.Commands.Internal.Format')) {
            # some texts have no form in XML: then what the object says of itself is kept
            try { $document = $serialize.Invoke($value, $depth) }
            catch { $document = $null; $global:Error.RemoveAt(0) }
            if ($text -and $null -eq $format -and $null -ne $document) { "`u{6}" + $document; return }
            if ($null -ne $document) { "`u{2}" + $document } else { "`u{5}" + ("$value" -replace "[`u{FFFE}`u{FFFF}]", "`u{FFFD}") }
        }
        if ($null -eq $format) { $format = { Out-Default }.GetSteppablePipeline($MyInvocation.CommandOrigin); $format.Begin($true) }
        $format.Process($value)
    }
    # not reached where an error ends the pipeline
    end { $options.ended = $true }
    clean { if ($null -ne $format) { $format.End() } }
}
if ($options.feed) { [IO.File]::ReadLines('/proc/self/fd/0') | & $options.run @params | & $options.show $options.depth $options.discard $options }
else { & $options.run @params | & $options.show $options.depth $options.discard $options }
if (-not $?) { $Host.SetShouldExit($(if ($options.ended) { $LASTEXITCODE } else { [int]::MinValue })) }
if ($options.tidy) {
    & {
        Get-Module | Remove-Module
        $global:Error.Clear()
        foreach ($prefix in 'UA', 'PSU') { foreach ($name in $options.variables.Keys) { $ExecutionContext.SessionState.PSVariable.Remove("global:$prefix$name") } }
        $global:ErrorActionPreference = 'Continue'
    }
}
