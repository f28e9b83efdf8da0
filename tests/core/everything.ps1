# All of its session that a script can look at: what comes first loads nothing for it.
"modules=$((Get-Module).Name)"
$started = [Environment]::GetEnvironmentVariables()
"variables=$((Get-Variable).ForEach({ $_.Name + ':' + $_.Options }) -join ' ')"
"preferences=$((Get-Variable *Preference).ForEach({ $_.Name + '=' + $_.Value }) -join ' ')"
"commands=$((Get-ChildItem alias:).Count) $((Get-ChildItem function:).Name)"
"types=$(@(Get-TypeData).Count) drives=$((Get-PSDrive).Name) providers=$((Get-PSProvider).Name)"
"jobs=$(@(Get-Job).Count) runspaces=$(@(Get-Runspace).Count) events=$(@(Get-EventSubscriber).Count)"
"errors=$($Error.Count) history=$(@(Get-History).Count) id=$($MyInvocation.HistoryId) code=$LASTEXITCODE"
"defaults=$($PSDefaultParameterValues.Count) encoding=$($OutputEncoding.WebName)"
"window=$($Host.UI.RawUI.WindowSize) buffer=$($Host.UI.RawUI.BufferSize)"
"stack=$((Get-PSCallStack).ForEach({ "$($_.Command) $($_.Location)" }))"
"open=$((0..5).Where({ [IO.FileInfo]::new("/proc/self/fd/$_").LinkTarget }))"
"input=$([IO.FileInfo]::new('/proc/self/fd/0').LinkTarget -replace '\d+') $([Console]::IsInputRedirected)"
foreach ($name in $started.Keys | Sort-Object) {
    if ($name -notin 'JOBDECK_RUN', 'JOBDECK_CHANNEL', 'JOBDECK_JOB_ID') { "$name=$($started[$name])" }
}
"where=$PWD $([Environment]::CurrentDirectory)"
try { Set-Location -; "back=$PWD" } catch { "back=$_" }
try { Set-Location +; "on=$PWD" } catch { "on=$_" }
