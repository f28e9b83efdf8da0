# Where the service is, and requests to it.

# What Connect-PSUServer said, and the job's own token once it was asked for.
$script:connected = $null
$script:jobToken = $null
# Addresses that have answered: who was there once is waited for longer.
$script:reached = [System.Collections.Generic.HashSet[string]]::new()

function Get-Connection([string] $ComputerName, [string] $AppToken) {
    # {Url, Socket, Token, InJob}: what was given, else what was connected to, else the job's own, else the environment's.
    if ($ComputerName) { return New-Connection $ComputerName $(if ($AppToken) { $AppToken } else { $env:JOBDECK_TOKEN }) }
    if ($script:connected) {
        if ($AppToken) { return New-Connection $script:connected.Server $AppToken }
        return $script:connected
    }
    if ($env:JOBDECK_CHANNEL -and $env:JOBDECK_STORE) {
        if (-not $AppToken) {
            if (-not $script:jobToken) { $script:jobToken = Get-JobToken $env:JOBDECK_CHANNEL }
            $AppToken = $script:jobToken
        }
        return @{ Server = ''; Url = 'http://localhost'; Socket = [IO.Path]::Combine($env:JOBDECK_STORE, 'api.sock'); Token = $AppToken; InJob = $true }
    }
    if ($env:JOBDECK_SERVER) { return New-Connection $env:JOBDECK_SERVER $(if ($AppToken) { $AppToken } else { $env:JOBDECK_TOKEN }) }
    $store = if ($env:JOBDECK_HOME) { $env:JOBDECK_HOME } elseif ($env:XDG_DATA_HOME) { "$env:XDG_DATA_HOME/jobdeck" } else { "$HOME/.local/share/jobdeck" }
    $socket = [IO.Path]::Combine($store, 'api.sock')
    if ([IO.File]::Exists($socket)) { return @{ Server = ''; Url = 'http://localhost'; Socket = $socket; Token = $AppToken; InJob = $false } }
    throw (New-Failure 'No server is known. Give -ComputerName and -AppToken, or call Connect-PSUServer before.' 'NoServer' ConnectionError)
}

function New-Connection([string] $Server, [string] $Token) {
    if ($Server.StartsWith('unix:') -or $Server.StartsWith('/')) {
        return @{ Server = $Server; Url = 'http://localhost'; Socket = ($Server -replace '^unix:(//)?', ''); Token = $Token; InJob = $false }
    }
    $url = $Server.TrimEnd('/')
    if ($url -notmatch '^https?://') { $url = if ($url -match ':\d+$') { "http://$url" } else { "http://${url}:5000" } }
    return @{ Server = $Server; Url = $url; Socket = ''; Token = $Token; InJob = $false }
}

function New-Failure([string] $Message, [string] $Id, [System.Management.Automation.ErrorCategory] $Category, $Target = $null) {
    return [System.Management.Automation.ErrorRecord]::new([System.InvalidOperationException]::new($Message), "JobDeck.$Id", $Category, $Target)
}

function Get-JobToken([string] $Channel) {
    # The job vouches for its scripts: its token is in no variable and no file, the runner gives it when asked.
    $socket = [System.Net.Sockets.Socket]::new([System.Net.Sockets.AddressFamily]::Unix, [System.Net.Sockets.SocketType]::Stream, [System.Net.Sockets.ProtocolType]::Unspecified)
    try {
        $socket.Connect([System.Net.Sockets.UnixDomainSocketEndPoint]::new($Channel))
        $null = $socket.Send([Text.Encoding]::UTF8.GetBytes("{`"type`": `"token`"}`n"))
        $reader = [IO.StreamReader]::new([System.Net.Sockets.NetworkStream]::new($socket))
        $answer = $reader.ReadLine() | ConvertFrom-Json -AsHashtable
    } catch {
        throw (New-Failure "The job's own connection does not answer: $($_.Exception.Message)" 'NoToken' ConnectionError)
    } finally {
        $socket.Dispose()
    }
    if (-not $answer['value']) { throw (New-Failure "The job has no token: $($answer['error'])" 'NoToken' AuthenticationError) }
    return $answer['value']
}

function New-ShortWay([string] $Socket) {
    # A socket's path has at most 107 bytes: a longer one is reached through a link, which goes with the request.
    if ([Text.Encoding]::UTF8.GetByteCount($Socket) -le 107) { return }
    $link = [IO.Path]::Combine([IO.Path]::GetTempPath(), 'jobdeck-' + [guid]::NewGuid().ToString('n').Substring(0, 12))
    $null = [IO.Directory]::CreateSymbolicLink($link, [IO.Path]::GetDirectoryName($Socket))
    return $link
}

function Start-Service([string] $Store) {
    # An engine for the job's store, started as the Python module starts one; whether it came up is seen by asking again.
    if (-not $env:JOBDECK_PYTHON) { return }
    $python = [IO.Path]::GetFullPath([IO.Path]::Combine($PSScriptRoot, '..', '..', '..', 'python'))
    $program = 'import sys; sys.path.insert(0, sys.argv[1]); import _jobdeck_rest; _jobdeck_rest.start_engine(sys.argv[2], sys.argv[3])'
    $null = & $env:JOBDECK_PYTHON -P -c $program $python $Store "The service of $Store does not run, and cannot be started" 2>&1
}

function Invoke-Service {
    # One request. Gives what the JSON says (lists not enumerated), or with -Raw the bytes; ends $Cmdlet with the
    # service's own sentence when it refuses.
    param(
        [Parameter(Mandatory)] $Cmdlet, [Parameter(Mandatory)] $Bound, [string] $Method = 'GET', [Parameter(Mandatory)] [string] $Path,
        [System.Collections.IDictionary] $Query = @{}, $Body, [switch] $Raw, [hashtable] $Headers = @{}, [switch] $NoTermination
    )
    $ProgressPreference = 'SilentlyContinue'
    $link = $null
    try {
        $connection = Get-Connection ([string] $Bound['ComputerName']) ([string] $Bound['AppToken'])
        $pairs = foreach ($name in $Query.Keys) {
            foreach ($value in @($Query[$name])) { if ($null -ne $value) { [uri]::EscapeDataString($name) + '=' + [uri]::EscapeDataString([string] $value) } }
        }
        $request = @{
            Method = $Method; Uri = $connection.Url + '/api/v1' + $Path + $(if ($pairs) { '?' + ($pairs -join '&') } else { '' })
            SkipHttpErrorCheck = $true; Headers = $Headers.Clone(); UseBasicParsing = $true; Verbose = $false; Debug = $false; ErrorAction = 'Stop'
        }
        if ($connection.Token) { $request.Headers['Authorization'] = "Bearer $($connection.Token)" }
        if ($connection.Socket) {
            $link = New-ShortWay $connection.Socket
            $request.UnixSocket = if ($link) { [IO.Path]::Combine($link, [IO.Path]::GetFileName($connection.Socket)) } else { $connection.Socket }
            $request.NoProxy = $true
        }
        if ($PSBoundParameters.ContainsKey('Body')) {
            $request.Body = [Text.UTF8Encoding]::new($false, $false).GetBytes((ConvertTo-Json -InputObject $Body -Depth 60 -Compress))
            $request.ContentType = 'application/json'
        }
        $answer = Send-Patiently $connection $request
    } catch {
        $record = if ($_.FullyQualifiedErrorId -like 'JobDeck.*') { $_ } else { New-Failure "The service at $(if ($connection.Socket) { $connection.Socket } else { $connection.Url }) does not answer: $($_.Exception.Message)" 'Unavailable' ConnectionError }
        if ($NoTermination) { throw $record }
        $Cmdlet.ThrowTerminatingError($record)
    } finally {
        if ($link) { [IO.File]::Delete($link) }
    }
    $bytes = $answer.RawContentStream.ToArray()
    if ($answer.StatusCode -ge 300) {
        $record = ConvertTo-Failure $answer.StatusCode $bytes $Path
        if ($NoTermination) { throw $record }
        $Cmdlet.ThrowTerminatingError($record)
    }
    if ($Raw) { return , $bytes }
    if ($bytes.Length) { return , (ConvertFrom-Json -InputObject ([Text.Encoding]::UTF8.GetString($bytes)) -NoEnumerate) }
}

function Send-Patiently($Connection, $Request) {
    # A service that nobody runs is started (inside a job), one that goes away meanwhile is waited for. What was sent is
    # sent again only where that does nothing twice.
    $address = $Connection.Url + $Connection.Socket
    $patience = if ($Connection.InJob -or $script:reached.Contains($address)) { 60 } else { 2 }
    $harmless = $Request.Method -eq 'GET' -or $Request.Headers.ContainsKey('Idempotency-Key')
    $clock = [Diagnostics.Stopwatch]::StartNew()
    $pause = 20
    $started = $false
    while ($true) {
        try {
            $answer = Invoke-WebRequest @Request
            $null = $script:reached.Add($address)
            # 503 with Retry-After 1: it goes down, and the next one will answer; a proxy says 502 or 504 meanwhile
            $going = $answer.StatusCode -in 502, 504 -or ($answer.StatusCode -eq 503 -and "$($answer.Headers['Retry-After'])" -eq '1')
            if (-not ($going -and $harmless) -or $clock.Elapsed.TotalSeconds -ge $patience) { return $answer }
            [System.Threading.Thread]::Sleep(500)
        } catch {
            $nobody = $Connection.Socket -and -not [IO.File]::Exists($Connection.Socket)
            $broken = $false
            for ($cause = $_.Exception; $null -ne $cause; $cause = $cause.InnerException) {
                if ($cause -is [System.Net.Sockets.SocketException] -and $cause.SocketErrorCode -in 'ConnectionRefused', 'AddressNotAvailable', 'HostNotFound', 'OperationNotSupported') { $nobody = $true }
                if ($cause -is [System.Net.Http.HttpRequestException] -or $cause -is [IO.IOException]) { $broken = $true }
            }
            if (-not ($nobody -or ($broken -and $harmless)) -or $clock.Elapsed.TotalSeconds -ge $patience) { throw }
            if ($nobody -and $Connection.InJob -and -not $started) { $started = $true; Start-Service ([IO.Path]::GetDirectoryName($Connection.Socket)) }
            [System.Threading.Thread]::Sleep($pause)
            $pause = [Math]::Min(1000, $pause * 2)
        }
    }
}

function ConvertTo-Failure([int] $Status, [byte[]] $Bytes, [string] $Target) {
    $text = [Text.Encoding]::UTF8.GetString($Bytes)
    try { $detail = (ConvertFrom-Json -InputObject $text).detail } catch { $detail = $null }
    if (-not $detail) { $detail = "The server answered $Status, which is no answer of jobdeck: is the address right?" }
    switch ($Status) {
        401 { return New-Failure $detail 'Unauthorized' AuthenticationError $Target }
        403 { return New-Failure $detail 'Forbidden' PermissionDenied $Target }
        404 { return New-Failure $detail 'NotFound' ObjectNotFound $Target }
        409 { return New-Failure $detail 'Conflict' ResourceExists $Target }
        { $_ -in 400, 413 } { return New-Failure $detail 'Invalid' InvalidArgument $Target }
        default { return New-Failure $detail 'Unavailable' ResourceUnavailable $Target }
    }
}

function Connect-PSUServer {
    <#
    .SYNOPSIS
    Sets the server and the app token that the other commands of this session use.
    .PARAMETER ComputerName
    The server's address: http://host:5000, or a host's name.
    .PARAMETER AppToken
    An app token of the server.
    #>
    [CmdletBinding()]
    param([Parameter(Position = 0)] [string] $ComputerName = 'http://localhost:5000', [string] $AppToken)
    $previous = $script:connected
    $script:connected = New-Connection $ComputerName $(if ($AppToken) { $AppToken } else { $env:JOBDECK_TOKEN })
    try { $null = Invoke-Service $PSCmdlet @{} -Path '/version' -NoTermination }
    catch { $script:connected = $previous; $PSCmdlet.ThrowTerminatingError($_) }
}
