# Environments and app tokens.

function Get-PSUEnvironment {
    <#
    .SYNOPSIS
    What runs scripts: every environment, found or added, or those of a name (with wildcards).
    #>
    [CmdletBinding()]
    param([Parameter(Position = 0)] [string] $Name = '*', [string] $ComputerName, [string] $AppToken)
    foreach ($one in (Invoke-Service $PSCmdlet $PSBoundParameters -Path '/environment')) {
        if ($one.name -like $Name) { ConvertTo-Named $one 'Environment' }
    }
}

function Get-EnvironmentSettings($Bound) {
    $settings = [ordered]@{}
    if ($Bound.ContainsKey('Path')) { $settings.path = $Bound['Path'] }
    if ($Bound.ContainsKey('Kind')) { $settings.kind = $Bound['Kind'].ToLowerInvariant() }
    foreach ($name in 'Arguments', 'Modules') { if ($Bound.ContainsKey($name)) { $settings[$name.ToLowerInvariant()] = @($Bound[$name]) } }
    if ($Bound.ContainsKey('StartupScript')) { $settings.startupScript = $Bound['StartupScript'] }
    if ($Bound.ContainsKey('WarmRunners')) { $settings.warmRunners = $Bound['WarmRunners'] }
    if ($Bound.ContainsKey('Variables')) {
        $settings.variables = [ordered]@{}
        foreach ($key in $Bound['Variables'].Keys) { $settings.variables["$key"] = [string] $Bound['Variables'][$key] }
    }
    return $settings
}

function New-PSUEnvironment {
    <#
    .SYNOPSIS
    Adds an environment: a PowerShell, a Python, or any command line with {scriptPath} in its arguments.
    #>
    [CmdletBinding()]
    param(
        [Parameter(Mandatory, Position = 0)] [string] $Name, [Parameter(Mandatory)] [string] $Path, [string[]] $Arguments,
        [ValidateSet('command', 'python', 'powershell')] [string] $Kind, [System.Collections.IDictionary] $Variables, [string[]] $Modules,
        [string] $StartupScript, [int] $WarmRunners, [string] $ComputerName, [string] $AppToken
    )
    $body = Get-EnvironmentSettings $PSBoundParameters
    $body.name = $Name
    ConvertTo-Named (Invoke-Service $PSCmdlet $PSBoundParameters -Method POST -Path '/environment' -Body $body) 'Environment'
}

function Set-PSUEnvironment {
    <#
    .SYNOPSIS
    Changes an environment; a found one becomes the user's own.
    #>
    [CmdletBinding()]
    param(
        [Parameter(Mandatory, Position = 0, ValueFromPipelineByPropertyName)] [string] $Name, [string] $Path, [string[]] $Arguments,
        [ValidateSet('command', 'python', 'powershell')] [string] $Kind, [System.Collections.IDictionary] $Variables, [string[]] $Modules,
        [string] $StartupScript, [int] $WarmRunners, [string] $ComputerName, [string] $AppToken
    )
    process {
        ConvertTo-Named (Invoke-Service $PSCmdlet $PSBoundParameters -Method PUT -Path "/environment/$([uri]::EscapeDataString($Name))" -Body (Get-EnvironmentSettings $PSBoundParameters)) 'Environment'
    }
}

function Remove-PSUEnvironment {
    <#
    .SYNOPSIS
    Removes an environment that a user added.
    #>
    [CmdletBinding()]
    param([Parameter(Mandatory, Position = 0, ValueFromPipelineByPropertyName)] [string] $Name, [string] $ComputerName, [string] $AppToken)
    process { $null = Invoke-Service $PSCmdlet $PSBoundParameters -Method DELETE -Path "/environment/$([uri]::EscapeDataString($Name))" }
}

function Grant-PSUAppToken {
    <#
    .SYNOPSIS
    Makes an app token; its Token is shown this once.
    #>
    [CmdletBinding()]
    param(
        [Parameter(Mandatory, Position = 0)] [Alias('IdentityName')] [string] $Identity,
        [ValidateSet('Administrator', 'Operator', 'Execute', 'Reader')] [string] $Role = 'Execute',
        [string] $Description = '', [datetime] $Expiration, [string[]] $Script, [string[]] $Tag,
        [string] $ComputerName, [string] $AppToken
    )
    $body = [ordered]@{ identity = $Identity; role = $Role; description = $Description }
    if ($PSBoundParameters.ContainsKey('Expiration')) { $body.expiration = $Expiration.ToUniversalTime().ToString('o') }
    if ($Script) { $body.scripts = @($Script) }
    if ($Tag) { $body.tags = @($Tag) }
    ConvertTo-Named (Invoke-Service $PSCmdlet $PSBoundParameters -Method POST -Path '/apptoken' -Body $body) 'AppToken'
}

function Get-PSUAppToken {
    <#
    .SYNOPSIS
    Every app token that was granted, or one; their keys are shown never again.
    #>
    [CmdletBinding()]
    param([Parameter(Position = 0)] [long] $Id, [string] $Identity, [string] $ComputerName, [string] $AppToken)
    foreach ($one in (Invoke-Service $PSCmdlet $PSBoundParameters -Path '/apptoken')) {
        if ($PSBoundParameters.ContainsKey('Id') -and $one.id -ne $Id) { continue }
        if ($Identity -and $one.identity -notlike $Identity) { continue }
        ConvertTo-Named $one 'AppToken'
    }
}

function Revoke-PSUAppToken {
    <#
    .SYNOPSIS
    Ends an app token at once.
    #>
    [CmdletBinding()]
    param([Parameter(Mandatory, Position = 0, ValueFromPipelineByPropertyName)] [long] $Id, [string] $ComputerName, [string] $AppToken)
    process { $null = Invoke-Service $PSCmdlet $PSBoundParameters -Method DELETE -Path "/apptoken/$Id" }
}
